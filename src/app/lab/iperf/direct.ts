/**
 * The way past the tunnel, to compare with: kernel routes between two hosts' own addresses along the same nodes, ISPs and
 * internet, for as long as a measurement takes. Masquerading ISPs let the pair through untranslated meanwhile. Pure: a
 * scenario in, commands out; each host's `add` is undone by its `remove`, which may also run where nothing was added.
 */
import { addressOf, type Host, type Scenario } from '../scenario.js';

/** What one host does for the direct way, as shell scripts. */
export interface DirectStep {
  readonly host: string;
  readonly add: string;
  readonly remove: string;
}

/** Marks our rules among those of the ISP. */
const COMMENT = 'twinspan-iperf';

/** The interface of `host` on a segment that `other` is on too. */
function facing(host: Host, other: Host) {
  const segments = other.interfaces.map((one) => one.segment);
  return host.interfaces.find((one) => segments.includes(one.segment));
}

/** The shortest chain of hosts from one to the other by way of routers; undefined where there is none. */
export function directPath(scenario: Scenario, from: Host, to: Host): Host[] | undefined {
  const seen = new Set([from.name]);
  const chains: Host[][] = [[from]];
  for (const chain of chains) {
    const last = chain.at(-1)!;
    for (const next of scenario.hosts) {
      if (seen.has(next.name) || facing(last, next) === undefined) continue;
      if (next === to) return [...chain, next];
      if (next.kind === 'host') continue;
      seen.add(next.name);
      chains.push([...chain, next]);
    }
  }
  return undefined;
}

function routes(chain: readonly Host[], index: number): string[] {
  const host = chain[index];
  const [first, last] = [chain[0], chain.at(-1)!];
  const towards = (end: Host, next: Host | undefined): string[] => {
    if (next === undefined || next === end) return [];
    return [`${addressOf(end)}/32 via ${facing(next, host)!.address.split('/')[0]}`];
  };
  return [...towards(last, chain[index + 1]), ...towards(first, chain[index - 1])];
}

/** Rules before the ISP's own: the pair passes, and keeps its addresses. */
function exemptions(host: Host, a: string, b: string): { add: string[]; remove: string[] } {
  if (host.outside === undefined) return { add: [], remove: [] };
  const chains = ['forward', 'postrouting'];
  const pairs = [
    [a, b],
    [b, a],
  ];
  const rule = (chain: string, [source, destination]: string[]): string =>
    `nft insert rule ip nat ${chain} ip saddr ${source} ip daddr ${destination} accept comment ${COMMENT}`;
  const forget = (chain: string): string =>
    `nft -a list chain ip nat ${chain} | sed -n 's/.*${COMMENT}.*# handle //p' | xargs -rn 1 nft delete rule ip nat ${chain} handle`;
  return {
    add: chains.flatMap((chain) => pairs.map((pair) => rule(chain, pair))),
    remove: chains.map(forget),
  };
}

/** What each host along `chain` does. */
export function planDirect(chain: readonly Host[]): DirectStep[] {
  const [a, b] = [addressOf(chain[0]), addressOf(chain.at(-1)!)];
  return chain.flatMap((host, index) => {
    const wanted = routes(chain, index);
    const past = exemptions(host, a, b);
    const add = [...wanted.map((route) => `ip route replace ${route}`), ...past.add];
    const remove = [...wanted.map((route) => `ip route del ${route} 2>/dev/null || true`), ...past.remove];
    return add.length === 0 ? [] : [{ host: host.name, add: add.join('\n'), remove: remove.join('\n') }];
  });
}
