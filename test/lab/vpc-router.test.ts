/** The VPC router of the lab in a namespace: its kernel route follows what the EC2 API holds, and stays while it is away. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ec2Command, hasMoto } from '../../src/app/lab/programs/ec2.js';
import { rootTest } from '../support/privileged.js';
import { eventually } from '../support/redis/server.js';

const ROUTER = fileURLToPath(new URL('../../src/app/lab/programs/vpc-router.js', import.meta.url));
const NAMESPACE = `tsvpc-${process.pid}`;
const [TABLE, CIDR, API] = ['rtb-0a1b2c3d', '10.100.0.0/16', 'http://127.0.0.1:5000'];

function inside(...argv: string[]): string {
  return execFileSync('ip', ['netns', 'exec', NAMESPACE, ...argv], { encoding: 'utf8' });
}

function start(argv: readonly string[]): ChildProcess {
  return spawn('ip', ['netns', 'exec', NAMESPACE, ...argv], { stdio: ['ignore', 'pipe', 'ignore'] });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function leads(to: string): Promise<void> {
  await eventually(() => {
    const route = inside('ip', 'route', 'show', CIDR);
    if (!route.includes(to)) throw new Error(`the route is: ${route}`);
  }, 20_000);
}

function call(action: string, eni: string): string {
  const words = { Action: action, Version: '2016-11-15', RouteTableId: TABLE, DestinationCidrBlock: CIDR };
  const body = new URLSearchParams({ ...words, NetworkInterfaceId: eni }).toString();
  const scope = 'Credential=lab/20260101/us-east-1/ec2/aws4_request';
  return inside('curl', '-s', '-H', `Authorization: AWS4-HMAC-SHA256 ${scope}`, '-d', body, API);
}

rootTest('the kernel route follows the EC2 API', async (t) => {
  const command = ec2Command({
    host: '127.0.0.1',
    port: 5000,
    region: 'us-east-1',
    vpc: '192.168.10.0/24',
    tables: [TABLE],
    interfaces: [
      { id: 'eni-0aaa', address: '192.168.10.200' },
      { id: 'eni-0bbb', address: '192.168.10.201' },
    ],
    routes: [{ table: TABLE, cidr: CIDR, interface: 'eni-0aaa' }],
  });
  if (command === undefined || !hasMoto()) {
    console.log('# SKIP the kernel route follows the EC2 API (needs moto)');
    t.pass();
    return;
  }
  execFileSync('ip', ['netns', 'add', NAMESPACE]);
  const children: ChildProcess[] = [];
  try {
    inside('ip', 'link', 'set', 'lo', 'up');
    inside('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'far');
    inside('ip', 'link', 'set', 'far', 'up');
    inside('ip', 'addr', 'add', '192.168.10.1/24', 'dev', 'eth0');
    inside('ip', 'link', 'set', 'eth0', 'up');
    children.push(start([process.execPath, ROUTER, API, CIDR]));
    const moto = start(command);
    children.push(moto);
    await once(createInterface(moto.stdout as NodeJS.ReadableStream), 'line');
    await leads('via 192.168.10.200');
    call('ReplaceRoute', 'eni-0bbb');
    await leads('via 192.168.10.201');
    await end(moto);
    await leads('via 192.168.10.201');
    t.pass();
  } finally {
    for (const child of children) await end(child);
    execFileSync('ip', ['netns', 'del', NAMESPACE]);
  }
});
