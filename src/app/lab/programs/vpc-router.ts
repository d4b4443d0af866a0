/**
 * The VPC router of the lab: keeps the kernel's routes in its namespace as the EC2 API's route tables say, so that
 * traffic moves only if the API call really happened.
 *
 *   vpc-router URL CIDR…       URL: of the EC2 API, http://192.168.10.1:5000; CIDR: destinations to follow
 *
 * Each change is one JSON line on standard output. While the API is away the routes stay as they were.
 */
import { execFile } from 'node:child_process';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

interface RouteOfTable {
  readonly cidr: string;
  readonly interface: string;
  readonly address: string;
}

const RETRY_MS = 50;
const [url, ...cidrs] = process.argv.slice(2);
/** Next hop by destination, as the kernel has it from us. */
const held = new Map<string, string>();

/** The tables' routes, once they differ from those of digest `known`. */
function fetchRoutes(known: string): Promise<{ digest: string; routes: RouteOfTable[] }> {
  return new Promise((resolve, reject) => {
    const request = get(`${url}/lab/routes?known=${known}`, { timeout: 30_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        try {
          resolve({ digest: String(response.headers['x-digest']), routes: JSON.parse(text) });
        } catch (error) {
          reject(error);
        }
      });
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
  });
}

function ip(words: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile('ip', words, (error, _stdout, stderr) => resolve(error === null ? '' : stderr.trim()));
  });
}

async function follow(routes: readonly RouteOfTable[]): Promise<void> {
  for (const cidr of cidrs) {
    const route = routes.find((candidate) => candidate.cidr === cidr);
    const before = held.get(cidr);
    if (route?.address === before && (route !== undefined || !held.has(cidr))) continue;
    const words =
      route === undefined ? ['route', 'del', cidr] : ['route', 'replace', cidr, 'via', route.address];
    const error = await ip(words);
    if (route === undefined) held.delete(cidr);
    else held.set(cidr, route.address);
    const change = { at: new Date().toISOString(), cidr, via: route?.address, interface: route?.interface };
    console.log(JSON.stringify({ ...change, ...(error !== '' && { error }) }));
  }
}

let known = '';
for (;;) {
  try {
    const { digest, routes } = await fetchRoutes(known);
    if (digest !== known) await follow(routes);
    known = digest;
  } catch {
    await delay(RETRY_MS);
  }
}
