/** Fixed reports of `cluster`, for golden text and for fake daemons. */
import type { ClusterReport, FailoverReport, MemberReport } from '../../../src/app/observe/report.js';

const RECORD: NonNullable<MemberReport['record']> = {
  role: 'standby',
  epoch: '8.1',
  able: true,
  lan: true,
  serve: true,
  held: false,
  score: 3,
  direct: ['aws-a', 'aws-b'],
  throughHub: ['edge2-a'],
  uplinks: { usable: 2, lost: 1 },
};

const TAKEOVER: FailoverReport = {
  at: '2026-11-21T23:44:09.860Z',
  from: 'standby',
  to: 'active',
  epoch: '8.1',
  why: 'no partner is heard on any channel',
  evidence: {
    role: 'standby',
    epoch: '7.0',
    register: '7.0',
    able: true,
    lan: true,
    serve: true,
    score: 3,
    partners: [
      {
        name: 'edge1-a',
        heard: false,
        lanMs: 312.4,
        redisMs: 340,
        witnesses: [],
        role: 'active',
        epoch: '7.0',
        able: true,
        lan: true,
        serve: true,
        score: 3,
      },
    ],
  },
  steps: [
    { offsetMs: -312.4, what: 'edge1-a last heard over the LAN' },
    { offsetMs: 0, what: 'edge1-a is not heard on any channel' },
    { offsetMs: 0, what: 'claiming: no partner is heard on any channel' },
    { offsetMs: 2.9, what: 'active: the register has ordered the claim' },
    { offsetMs: 5.2, what: 'VIP added' },
    { offsetMs: 20.4, what: "AWS: EC2 is asked to move the VPC's routes to eni-0a1b" },
    { offsetMs: 180, what: 'AWS: All VPC routes lead to eni-0a1b' },
  ],
};

const FIRST: FailoverReport = {
  ...TAKEOVER,
  at: '2026-11-21T09:00:00.001Z',
  from: 'active',
  to: 'standby',
  epoch: '7.0',
  why: 'the operator drains it',
  evidence: {
    ...TAKEOVER.evidence,
    able: false,
    lan: false,
    serve: false,
    register: 'no answer',
    partners: [
      {
        ...TAKEOVER.evidence.partners[0],
        heard: true,
        lanMs: 1,
        redisMs: null,
        witnesses: ['aws-a'],
        role: null,
      },
    ],
  },
  steps: [{ offsetMs: 0, what: 'draining: the operator drains it' }],
};

export const CLUSTER: ClusterReport = {
  network: 'acme',
  node: 'edge1-b',
  cluster: 'EdgeCluster1',
  role: 'active',
  epoch: '8.1',
  drained: false,
  active: 'edge1-b',
  preferred: 'edge1-a',
  failback: 'automatic',
  held: false,
  patience: { factor: 1, changes: 2 },
  redis: { state: 'answers', epoch: '8.1', sinceMs: 90_000 },
  members: [
    {
      name: 'edge1-a',
      here: false,
      record: { ...RECORD, able: false, serve: false, score: 0, direct: [], throughHub: [] },
      heard: { now: false, lanMs: 12_345, redisMs: 12_400, witnesses: [] },
    },
    { name: 'edge1-b', here: true, record: { ...RECORD, role: 'active' } },
  ],
  clusters: [
    {
      name: 'AWSCluster',
      gateway: true,
      epoch: '3.0',
      members: [
        { name: 'aws-a', up: true, role: 'active' },
        { name: 'aws-b', up: true, role: 'standby' },
      ],
      way: 'direct',
      through: 'aws-a',
    },
    {
      name: 'EdgeCluster2',
      gateway: false,
      epoch: '5.0',
      members: [
        { name: 'edge2-a', up: false, role: 'active' },
        { name: 'plain', up: true },
      ],
      way: 'hub',
      through: 'aws-a',
    },
    { name: 'Gone', gateway: false, epoch: '-', members: [{ name: 'gone', up: false }], way: 'none' },
  ],
  failovers: [TAKEOVER, FIRST],
};

/** A standby that has heard nothing yet, without Redis, on its own. */
export const CLUSTER_BARE: ClusterReport = {
  ...CLUSTER,
  role: 'standby',
  epoch: '-',
  drained: true,
  active: undefined,
  failback: 'manual',
  waiting: { why: 'this member is drained' },
  patience: { factor: 4, changes: 4 },
  redis: { state: 'not configured' },
  members: [
    { name: 'edge1-a', here: false, heard: { now: false, witnesses: [] } },
    { name: 'edge1-b', here: true, record: RECORD },
  ],
  clusters: [],
  failovers: [],
};

/** A standby that waits to take the role back. */
export const CLUSTER_WAITS: ClusterReport = {
  ...CLUSTER,
  node: 'edge1-a',
  role: 'standby',
  held: true,
  waiting: { why: 'edge1-b is active until this member has been no worse for long enough', leftMs: 4_210 },
  redis: { state: 'silent', sinceMs: 61_000 },
  members: [
    { name: 'edge1-a', here: true, record: RECORD },
    {
      name: 'edge1-b',
      here: false,
      record: { ...RECORD, role: 'active', held: true },
      heard: { now: true, lanMs: 12, redisMs: 55, witnesses: ['aws-a', 'aws-b'] },
    },
  ],
  clusters: [],
};
