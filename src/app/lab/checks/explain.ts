/** `twinspan explain` must tell the story that the packets of the other checks have lived through. */
import { type Check, finding, lastLine } from './check.js';

interface Story {
  readonly node: string;
  readonly src: string;
  readonly dst: string;
  readonly protocol: string;
  readonly verdict: 'forwarded' | 'dropped';
  /** What the steps, the reason or the ICMP error must mention: of a cluster either member, whichever is active. */
  readonly mentions: readonly string[];
}

interface Explanation {
  readonly verdict: string;
  readonly reason?: string;
  readonly icmp?: string;
  readonly steps: readonly { readonly stage: string; readonly text: string; readonly evidence?: string }[];
}

const STORIES: readonly Story[] = [
  ...[1, 2, 3].map(
    (site): Story => ({
      node: 'aws-a',
      src: '192.168.10.15',
      dst: `10.100.${site}0.15`,
      protocol: 'tcp/3306',
      verdict: 'forwarded',
      mentions: ['10.100.100.15', `edge${site}-`],
    }),
  ),
  {
    node: 'aws-a',
    src: '192.168.10.15',
    dst: '10.100.20.20',
    protocol: 'tcp/22',
    verdict: 'forwarded',
    mentions: ['10.100.100.15', 'edge2-'],
  },
  ...[1, 2, 3].map(
    (site): Story => ({
      node: `edge${site}-a`,
      src: `172.16.${site}0.15`,
      dst: '10.100.100.15',
      protocol: 'tcp/80',
      verdict: 'forwarded',
      mentions: [`10.100.${site}0.15`, 'aws-'],
    }),
  ),
  ...[1, 2, 3].map(
    (site): Story => ({
      node: `edge${site}-a`,
      src: `172.16.${site}0.77`,
      dst: '10.100.100.15',
      protocol: 'icmp',
      verdict: 'dropped',
      mentions: ['no-nat-source'],
    }),
  ),
  {
    node: 'aws-a',
    src: '192.168.10.15',
    dst: '10.100.99.1',
    protocol: 'icmp',
    verdict: 'dropped',
    mentions: ['no-route'],
  },
];

/** One check a story. */
export function explainChecks(): Check[] {
  return STORIES.map((story) => ({
    name: `explain ${story.src} ${story.dst} ${story.protocol} on ${story.node}: ${story.verdict}`,
    async run(lab) {
      const argv = ['twinspan', 'explain', story.src, story.dst, story.protocol, '--json'];
      const outcome = await lab.exec(story.node, argv);
      let told: Explanation;
      try {
        told = JSON.parse(outcome.stdout) as Explanation;
      } catch {
        return finding(false, lastLine(outcome));
      }
      const text = JSON.stringify(told);
      const silent = story.mentions.filter((word) => !text.includes(word));
      const summary = [told.verdict, told.reason, told.icmp].filter((word) => word !== undefined).join(', ');
      const missing = silent.length === 0 ? '' : `; says nothing of ${silent.join(', ')}`;
      return finding(told.verdict === story.verdict && silent.length === 0, summary + missing);
    },
  }));
}
