/**
 * A small model of a Linux host: it understands the commands that plans consist of, is as strict as the kernel (no
 * second entry of one key, no deletion of what is not there, no change on a missing device), and holds entries of
 * others beside ours. Tests ask it what is there, as values (observe) or as the JSON of `ip` (answer).
 */
import {
  addressKey,
  type DesiredHost,
  familyOf,
  type HostAddress,
  type HostLink,
  type HostRoute,
  type HostRule,
  type HostState,
  OWN_PROTOCOL,
  routeIdentity,
  routeKey,
  ruleIdentity,
} from '../../../src/core/plan/host.js';

export type Owned<T> = T & { readonly protocol: number };

export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Refusal extends Error {}

function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Refusal(message);
}

/** `a b c d` as { a: 'b', c: 'd' }. */
function pairs(words: readonly string[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (let i = 0; i + 1 < words.length; i += 2) result[words[i]] = words[i + 1];
  return result;
}

function present<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

export class ModelHost {
  links: HostLink[] = [];
  addresses: HostAddress[] = [];
  routes: Owned<HostRoute>[] = [];
  rules: Owned<HostRule>[] = [];
  readonly sysctls = new Map<string, string>();
  readonly tables = new Map<string, string>();

  /** What an observer must report: ours, and what `desired` names. */
  observe(desired: DesiredHost): HostState {
    const named = new Set(desired.addresses.map(addressKey));
    const devices = new Set(desired.links.map((link) => link.device));
    return {
      links: this.links.filter((link) => devices.has(link.device)),
      addresses: this.addresses.filter(
        (seen) => named.has(addressKey(seen)) || desired.ownAddresses.includes(seen.address),
      ),
      routes: this.routes.filter((route) => route.protocol === OWN_PROTOCOL),
      rules: this.rules.filter((rule) => rule.protocol === OWN_PROTOCOL),
      sysctls: desired.sysctls.flatMap(({ key }) => {
        const value = this.sysctls.get(key);
        return value === undefined ? [] : [{ key, value }];
      }),
      nft: this.tables.get('twinspan'),
    };
  }

  /** Everything that is not ours, as one text: it must never change. */
  foreign(own: DesiredHost): string {
    const named = new Set(own.addresses.map(addressKey));
    return JSON.stringify([
      this.addresses.filter(
        (seen) => !named.has(addressKey(seen)) && !own.ownAddresses.includes(seen.address),
      ),
      this.routes.filter((route) => route.protocol !== OWN_PROTOCOL),
      this.rules.filter((rule) => rule.protocol !== OWN_PROTOCOL),
      [...this.sysctls].filter(([key]) => !own.sysctls.some((sysctl) => sysctl.key === key)),
      [...this.tables].filter(([name]) => name !== 'twinspan'),
    ]);
  }

  /** Carries a command out; the answer is undefined, or the reason why the kernel refuses it. */
  execute(argv: readonly string[], input = ''): string | undefined {
    try {
      this.#execute(argv, input);
      return undefined;
    } catch (error) {
      if (error instanceof Refusal) return error.message;
      throw error;
    }
  }

  #execute(argv: readonly string[], input: string): void {
    const words = argv.filter((word) => word !== '-6');
    const [program, object, verb] = words;
    const rest = words.slice(3);
    if (program === 'sysctl') this.#sysctl(words[2]);
    else if (program === 'nft') this.#nft(words, input);
    else if (object === 'link') this.#link(rest);
    else if (object === 'addr') this.#address(verb, rest);
    else if (object === 'route') this.#route(verb, rest);
    else if (object === 'rule') this.#rule(verb, rest, argv.includes('-6') ? 6 : 4);
    else throw new Error(`not modelled: ${argv.join(' ')}`);
  }

  #device(name: string): number {
    const index = this.links.findIndex((link) => link.device === name);
    must(index >= 0, `Cannot find device "${name}"`);
    return index;
  }

  #link(words: readonly string[]): void {
    const index = this.#device(words[1]);
    const up = words.at(-1) === 'up';
    const { mtu, txqueuelen } = pairs(words);
    const link = this.links[index];
    this.links[index] = {
      ...link,
      ...(mtu !== undefined && { mtu: Number(mtu) }),
      ...(txqueuelen !== undefined && { txQueueLength: Number(txqueuelen) }),
      up: up || link.up,
    };
  }

  #address(verb: string, words: readonly string[]): void {
    const [address, , device] = words;
    this.#device(device);
    const { scope, valid_lft: lifetime } = pairs(words.slice(3));
    const entry = present({
      device,
      address,
      scope: scope as 'host' | undefined,
      lifetimeSeconds: lifetime === undefined || lifetime === 'forever' ? undefined : Number(lifetime),
    }) as HostAddress;
    const index = this.addresses.findIndex((seen) => addressKey(seen) === addressKey(entry));
    must(verb !== 'add' || index < 0, 'RTNETLINK answers: File exists');
    must(verb !== 'del' || index >= 0, 'RTNETLINK answers: Cannot assign requested address');
    if (index >= 0) this.addresses.splice(index, 1);
    if (verb !== 'del') this.addresses.push(entry);
  }

  #route(verb: string, words: readonly string[]): void {
    const [type, rest] = /^[a-z]+$/.test(words[0]) ? [words[0], words.slice(1)] : [undefined, words];
    const { via, dev, table, metric, src, proto } = pairs(rest.slice(1));
    if (dev !== undefined) this.#device(dev);
    const route = present({
      prefix: rest[0],
      device: dev,
      via,
      table: table === undefined ? undefined : Number(table),
      metric: metric === undefined ? undefined : Number(metric),
      source: src,
      type,
      onLink: rest.includes('onlink') || undefined,
      protocol: Number(proto),
    }) as Owned<HostRoute>;
    const sameKey = this.routes.findIndex((seen) => routeKey(seen) === routeKey(route));
    if (verb === 'add') must(sameKey < 0, 'RTNETLINK answers: File exists');
    if (verb === 'replace' && sameKey >= 0) this.routes[sameKey] = route;
    else if (verb !== 'del') this.routes.push(route);
    else {
      const same = this.routes.findIndex(
        (seen) => routeIdentity(seen) === routeIdentity(route) && seen.protocol === route.protocol,
      );
      must(same >= 0, 'RTNETLINK answers: No such process');
      this.routes.splice(same, 1);
    }
  }

  #rule(verb: string, words: readonly string[], family: 4 | 6): void {
    const { priority, from, to, iif, oif, fwmark, lookup, suppress_prefixlength, protocol } = pairs(words);
    const rule = present({
      family,
      priority: Number(priority),
      from,
      to,
      iif,
      oif,
      mark: fwmark === undefined ? undefined : Number(fwmark),
      table: Number(lookup),
      suppressPrefixLength: suppress_prefixlength === undefined ? undefined : Number(suppress_prefixlength),
      protocol: Number(protocol),
    }) as Owned<HostRule>;
    const index = this.rules.findIndex(
      (seen) => ruleIdentity(seen) === ruleIdentity(rule) && seen.protocol === rule.protocol,
    );
    must(verb !== 'add' || index < 0, 'RTNETLINK answers: File exists');
    must(verb !== 'del' || index >= 0, 'RTNETLINK answers: No such file or directory');
    if (verb === 'add') this.rules.push(rule);
    else this.rules.splice(index, 1);
  }

  #sysctl(assignment: string): void {
    const [key, value] = assignment.split('=');
    must(this.sysctls.has(key), `ENOENT: /proc/sys/${key} cannot be written`);
    this.sysctls.set(key, value);
  }

  #nft(words: readonly string[], input: string): void {
    if (words[1] === 'delete') {
      must(this.tables.delete(words[4]), 'Error: No such file or directory');
      return;
    }
    const match = /^table inet twinspan\ndelete table inet twinspan\n([\s\S]*)\n$/.exec(input);
    must(match !== null, 'Error: syntax error');
    this.tables.set('twinspan', match[1]);
  }

  /** The program `ip`: batches, and the JSON of `addr`, `route` and `rule`. */
  ip(args: readonly string[], input: string): Answer {
    const words = args.filter((word) => !['-N', '-j', '-d', '-4', '-6', '-force'].includes(word));
    const family = args.includes('-6') ? 6 : 4;
    if (words[0] !== '-batch') {
      if (words[1] === 'show') return this.#show(words, family);
      const refusal = this.execute(['ip', ...(family === 6 ? ['-6'] : []), ...words]);
      return { status: refusal === undefined ? 0 : 2, stdout: '', stderr: refusal ?? '' };
    }
    const answers = input
      .trimEnd()
      .split('\n')
      .map((line) => this.ip([family === 6 ? '-6' : '-4', ...line.split(' ')], ''));
    const stderr = answers.flatMap(({ status, stderr: said }, index) =>
      status === 0 ? [] : [said, `Command failed -:${index + 1}`],
    );
    const status = answers.some((answer) => answer.status !== 0) ? 1 : 0;
    return { status, stdout: answers.map((answer) => answer.stdout).join(''), stderr: stderr.join('\n') };
  }

  #show(words: readonly string[], family: 4 | 6): Answer {
    const [object] = words;
    let entries: object[] = [];
    if (object === 'addr' || object === 'link') {
      const device = words[2] === 'dev' ? words[3] : undefined;
      const links = this.links.filter((link) => device === undefined || link.device === device);
      if (device !== undefined && links.length === 0) {
        return { status: 1, stdout: '', stderr: `Device "${device}" does not exist.` };
      }
      entries = links.map((link) => this.#linkJson(link));
    } else if (object === 'route') {
      entries = this.routes
        .filter((route) => route.protocol === OWN_PROTOCOL && familyOf(route.prefix) === family)
        .map(routeJson);
    } else if (object === 'rule') {
      entries = this.rules.filter((rule) => rule.family === family).map(ruleJson);
    }
    return { status: 0, stdout: `${JSON.stringify(entries)}\n`, stderr: '' };
  }

  #linkJson(link: HostLink): object {
    return {
      ifname: link.device,
      flags: link.up ? ['POINTOPOINT', 'UP'] : ['POINTOPOINT'],
      mtu: link.mtu,
      txqlen: link.txQueueLength,
      addr_info: this.addresses
        .filter((address) => address.device === link.device)
        .map(({ address, scope, lifetimeSeconds }) => ({
          family: familyOf(address) === 6 ? 'inet6' : 'inet',
          local: address.split('/')[0],
          prefixlen: Number(address.split('/')[1]),
          scope: scope === 'host' ? '254' : '0',
          valid_life_time: lifetimeSeconds ?? 0xffff_ffff,
        })),
    };
  }

  /** The program `nft`. */
  nft(args: readonly string[], input: string): Answer {
    if (args.includes('list')) {
      const table = this.tables.get('twinspan');
      if (table !== undefined) return { status: 0, stdout: `${table}\n`, stderr: '' };
      return { status: 1, stdout: '', stderr: 'Error: No such file or directory' };
    }
    const refusal = this.execute(['nft', ...args], input);
    return { status: refusal === undefined ? 0 : 1, stdout: '', stderr: refusal ?? '' };
  }
}

const TYPE_NUMBERS: Readonly<Record<string, string>> = { unicast: '1', blackhole: '6', unreachable: '7' };

function routeJson(route: HostRoute): object {
  const [address, length] = route.prefix.split('/');
  const full = familyOf(address) === 6 ? '128' : '32';
  return {
    type: TYPE_NUMBERS[route.type ?? 'unicast'],
    dst: length === '0' ? 'default' : length === full ? address : route.prefix,
    gateway: route.via,
    dev: route.device,
    table: String(route.table ?? 254),
    prefsrc: route.source,
    flags: route.onLink ? ['onlink'] : [],
    metric: route.metric ?? (familyOf(address) === 6 ? 1024 : undefined),
  };
}

function ruleJson(rule: Owned<HostRule>): object {
  const full = rule.family === 6 ? '128' : '32';
  const [src, srclen] = rule.from?.split('/') ?? ['all'];
  const [dst, dstlen] = rule.to?.split('/') ?? [];
  return {
    priority: rule.priority,
    src,
    srclen: srclen === undefined || srclen === full ? undefined : Number(srclen),
    dst,
    dstlen: dstlen === undefined || dstlen === full ? undefined : Number(dstlen),
    iif: rule.iif,
    oif: rule.oif,
    suppress_prefixlen: rule.suppressPrefixLength,
    fwmark: rule.mark === undefined ? undefined : `0x${rule.mark.toString(16)}`,
    table: String(rule.table),
    protocol: String(rule.protocol),
  };
}
