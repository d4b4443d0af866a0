/**
 * Where a Redis is, as one URL.
 *
 *   redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]                        one server
 *   redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/MASTER[/DATABASE]
 *       [?sentinelUser=…&sentinelPassword=…]                              the master that these Sentinels name
 *
 * With `rediss` in place of `redis` every connection, also that to a Sentinel, is TLS. The default ports are 6379 and
 * 26379. A reserved character in a user or password is percent-encoded. `:PASSWORD@` alone means the default user.
 */
import { isHostName, parseAddress } from './address.js';

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

export interface RedisTarget {
  readonly tls: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** The server itself, or the Sentinels where `sentinel` is set. Never empty. */
  readonly hosts: readonly RedisHost[];
  readonly sentinel:
    | { readonly master: string; readonly user: string | undefined; readonly password: string | undefined }
    | undefined;
}

/** Most Sentinels that a URL may name. */
export const SENTINELS_MAX = 16;
const URL_PARTS =
  /^(rediss?)(\+sentinel)?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)((?:\/[^/?#]*){0,2})(?:\?([^?#]*))?$/;
const HOST_PARTS = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([1-9][0-9]{0,4}))?$/;
const DATABASE = /^(0|[1-9][0-9]{0,4})$/;
const MASTER = /^[A-Za-z0-9._-]{1,64}$/;
const QUERY_KEYS = ['sentinelUser', 'sentinelPassword'];

/** The parts of a Redis URL; undefined where `text` is none. */
export function parseRedisUrl(text: string): RedisTarget | undefined {
  const [, scheme, plus, userInfo, hostText, pathText, queryText] = URL_PARTS.exec(text) ?? [];
  if (scheme === undefined) return undefined;
  const isSentinel = plus !== undefined;
  const hosts = parseHosts(hostText.split(','), isSentinel ? 26_379 : 6379);
  const path = pathText.split('/').slice(1);
  const master = isSentinel ? path.shift() : undefined;
  const database = path.length === 0 || path[0] === '' ? '0' : path[0];
  const login = parseLogin(userInfo);
  const query = parseQuery(queryText);
  if (hosts === undefined || login === undefined || query === undefined) return undefined;
  if (path.length > 1 || !DATABASE.test(database)) return undefined;
  if (hosts.length > (isSentinel ? SENTINELS_MAX : 1) || (query.size > 0 && !isSentinel)) return undefined;
  if (isSentinel && !MASTER.test(master ?? '')) return undefined;
  return {
    tls: scheme === 'rediss',
    ...login,
    database: Number(database),
    hosts,
    sentinel:
      master === undefined
        ? undefined
        : { master, user: query.get('sentinelUser'), password: query.get('sentinelPassword') },
  };
}

function parseHosts(texts: readonly string[], portDefault: number): RedisHost[] | undefined {
  const hosts: RedisHost[] = [];
  for (const text of texts) {
    const [, bracketed, bare, port] = HOST_PARTS.exec(text) ?? [];
    const host = bracketed ?? bare ?? '';
    const isAddress = parseAddress(host) !== undefined;
    const fits = bracketed === undefined ? isAddress || isHostName(host) : isAddress && host.includes(':');
    if (!fits) return undefined;
    if (port !== undefined && Number(port) > 65_535) return undefined;
    hosts.push({ host, port: port === undefined ? portDefault : Number(port) });
  }
  return hosts;
}

function parseLogin(text: string | undefined) {
  if (text === undefined) return { user: undefined, password: undefined };
  const colon = text.indexOf(':');
  const user = decoded(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? '' : decoded(text.slice(colon + 1));
  if (user === undefined || password === undefined) return undefined;
  return { user: user || undefined, password: password || undefined };
}

function parseQuery(text: string | undefined): Map<string, string> | undefined {
  const values = new Map<string, string>();
  for (const pair of text?.split('&') ?? []) {
    const equals = pair.indexOf('=');
    const value = decoded(pair.slice(equals + 1));
    const key = pair.slice(0, Math.max(equals, 0));
    if (value === undefined || !QUERY_KEYS.includes(key) || values.has(key)) return undefined;
    values.set(key, value);
  }
  return values;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
