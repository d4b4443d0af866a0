/**
 * The words of the schemas: names, addresses, prefixes, endpoints, keys, paths. Each is text in the file and bytes (or
 * checked text) in the program; the refusal says what was wanted and, where it can, what was probably meant.
 */
import { z } from 'zod';
import type { Prefix } from '../base/prefix.js';
import { prefixOf } from '../base/prefix.js';
import * as address from './address.js';
import { parseKey } from './key.js';
import { LIMITS } from './limits.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** Linux IFNAMSIZ is 16 with the terminating zero. */
const DEVICE = /^[^\s/:]{1,15}$/;

/** A zod text that `parse` turns into a value; where it cannot, the issue has `message` and `hintOf(text)`. */
function parsed<T>(
  parse: (text: string) => T | undefined,
  message: string,
  hintOf: (text: string) => string | undefined = () => undefined,
) {
  return z.string().transform((text, context): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message, input: text, params: { hint: hintOf(text) } });
    return z.NEVER;
  });
}

function prefixHint(text: string): string | undefined {
  const bare = address.parseAddress(text);
  if (bare !== undefined) return `Write ${address.formatPrefix(prefixOf(bare, bare.length * 8))}.`;
  const given = address.parseInterfaceAddress(text);
  if (given === undefined) return undefined;
  return `Its host bits are not zero; did you mean ${address.formatPrefix(prefixOf(given.bytes, given.length))}?`;
}

/** Names of networks, clusters, nodes and uplinks; they become file names, Redis keys and metric labels. */
export const name = z
  .string()
  .max(LIMITS.nameLengthMax)
  .regex(
    NAME,
    'must be a name: letters, digits, dots, dashes and underscores, beginning with a letter or digit',
  )
  .meta({ id: 'Name', description: 'Letters, digits, dots, dashes and underscores.' });

export const prefix = parsed<Prefix>(
  address.parsePrefix,
  'must be a prefix such as 10.100.0.0/16',
  prefixHint,
).meta({
  id: 'Prefix',
  description: 'IPv4 or IPv6 prefix; host bits are zero.',
  examples: ['10.100.10.0/24'],
});

export const ipAddress = parsed(address.parseAddress, 'must be an IPv4 or IPv6 address').meta({
  id: 'Address',
  description: 'IPv4 or IPv6 address.',
  examples: ['172.16.10.201'],
});

export const interfaceAddress = parsed(
  address.parseInterfaceAddress,
  'must be an address with the prefix length of its link, such as 172.16.10.215/24',
).meta({
  id: 'InterfaceAddress',
  description: 'Address and prefix length of its link.',
  examples: ['172.16.10.215/24'],
});

export const endpoint = parsed(
  address.parseEndpoint,
  'must be host:port, address:port or [IPv6 address]:port',
  (text) => (address.isHostName(text) || address.parseAddress(text) ? 'The port is missing.' : undefined),
).meta({
  id: 'Endpoint',
  description: 'Host (DNS name or address) and UDP port; IPv6 addresses in brackets.',
  examples: ['aws-a.example.net:51820', '[2001:db8::1]:51820'],
});

/** An address whose port may be left out. */
export const lanEndpoint = parsed(
  (text: string): address.HostPort | { host: string; port: undefined; address: Uint8Array } | undefined => {
    const bare = address.parseAddress(text);
    if (bare !== undefined) return { host: text, port: undefined, address: bare };
    const full = address.parseEndpoint(text);
    return full?.address === undefined ? undefined : full;
  },
  'must be an address or address:port',
).meta({
  id: 'LanAddress',
  description: 'Address, optionally with a UDP port (default: listenPort).',
  examples: ['172.16.10.201'],
});

export const publicKey = parsed(
  parseKey,
  'must be a public key: 32 bytes in base64, 44 characters',
  () => "Print it with 'twinspan pubkey' on the node that it belongs to.",
).meta({ id: 'PublicKey', description: 'WireGuard public key, base64.' });

export const description = z
  .string()
  .max(LIMITS.descriptionLengthMax)
  .meta({ id: 'Description', description: 'Free text for people.' });

export const device = z
  .string()
  .regex(DEVICE, 'must be a network device name: 1 to 15 characters, no space, slash or colon')
  .meta({ id: 'Device', description: 'Network device name, 1 to 15 characters.' });

export const fileName = z.string().min(1).max(LIMITS.pathLengthMax);

export const port = z.int().min(1).max(65_535);
