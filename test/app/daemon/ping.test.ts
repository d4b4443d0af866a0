/** `twinspan ping` between two running nodes with two uplinks each: which path answers, and who cannot be asked. */
import { execFile } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import { type Daemon, TWINSPAN } from '../../support/daemon.js';
import { rootTest } from '../../support/privileged.js';
import { Two } from './two.js';

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function cli({ socket }: Daemon, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [TWINSPAN, ...args, '--socket', socket], (error, out, err) => {
      resolve({ code: Number(error?.code ?? 0), out, err });
    });
  });
}

function matches(t: ExecutionContext, text: string, lines: readonly RegExp[]): void {
  for (const line of lines) t.regex(text, line);
}

rootTest('each path answers by itself; a silent one does not; what cannot be asked says why', async (t) => {
  const two = new Two(t);
  two.describe();
  await two.start();
  const all = await cli(two.na, 'ping', 'nb', '--count', '2');
  t.is(all.code, 0, all.err);
  matches(t, all.out, [
    /^answer from nb by isp1 → 198\.51\.2\.2:51820 \(in use, its uplink isp1\): [\d.]+ ms$/m,
    /^answer from nb by isp2 → 203\.0\.2\.2:51820 \(its uplink isp2\): [\d.]+ ms$/m,
    /^ {2}\* {2}isp1 +198\.51\.2\.2:51820 +2 +2 +0 % /m,
  ]);
  t.notRegex(all.out, /came back/);
  two.network.run('isp1', `nft 'table ip hole { chain f { type filter hook forward priority 0; drop; }; }'`);
  await two.bothUse('isp2');
  const one = await cli(
    two.na,
    'ping',
    'nb',
    '--uplink',
    'isp1',
    '--path',
    '198.51.2.2:51820',
    '--count',
    '1',
  );
  t.is(one.code, 1);
  t.regex(
    one.out,
    /^no answer from nb by isp1 → 198\.51\.2\.2:51820 \(its uplink isp1, down for [^:]+: .+\)$/m,
  );
  const other = await cli(two.na, 'ping', 'nb', '--path', 'isp2/203.0.2.2:51820', '--count', '1', '--json');
  t.is(other.code, 0);
  t.like(JSON.parse(other.out).paths, [{ uplink: 'isp2', inUse: true, sent: 1, answered: 1 }]);
  for (const [args, message] of [
    [['nz'], "There is no node 'nz'. Nodes: nb"],
    [['na'], 'na is this node. Name another one.'],
    [
      ['nb', '--uplink', 'lte'],
      /^TS_REQUEST_INVALID: There is no path by the uplink 'lte' to nb\. Paths: isp1\/198\.51\.2\.2:51820, /,
    ],
  ] as const) {
    const refused = await cli(two.na, 'ping', ...args);
    t.is(refused.code, 1);
    if (typeof message === 'string') t.is(refused.err, `TS_REQUEST_INVALID: ${message}\n`);
    else t.regex(refused.err, message);
  }
  await two.nb.stop();
  const { out, err, code } = await cli(two.na, 'ping', 'nb', '--count', '1');
  t.is(code, 1);
  t.regex(`${out}${err}`, /^no answer from nb by |^TS_NO_SESSION: There is no session with nb now\./);
});
