/**
 * The words of the schemas: names, addresses, prefixes, endpoints, keys, paths. Each is text in the file and bytes (or
 * checked text) in the program; the refusal says what was wanted and, where it can, what was probably meant.
 */
import { z } from 'zod';
import { parseKey } from '../base/key.js';
import { type Prefix, prefixOf } from '../base/prefix.js';
import * as address from './address.js';
import { LIMITS } from './limits.js';

/** Bound of every text that is parsed; far above any that parses. */
const TEXT_LENGTH_MAX = 300;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** Linux IFNAMSIZ is 16 with the terminating zero. */
const DEVICE = /^[^\s/:]{1,15}$/;

/** A kind of text, as JSON Schema and the reference page name it. */
export interface Kind {
  readonly id: string;
  readonly description: string;
  readonly examples?: string[];
}

/** A zod text that `parse` turns into a value; where it cannot, the issue has `message` and `hintOf(text)`. */
function parsed<T>(
  kind: Kind,
  parse: (text: string) => T | undefined,
  message: string,
  hintOf: (text: string) => string | undefined = () => undefined,
) {
  const text = z
    .string()
    .max(TEXT_LENGTH_MAX)
    .meta({ ...kind });
  return text.transform((text, context): T => {
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
  { id: 'Prefix', description: 'IPv4 or IPv6 prefix; host bits are zero.', examples: ['10.100.10.0/24'] },
  address.parsePrefix,
  'must be a prefix such as 10.100.0.0/16',
  prefixHint,
);

export const ipAddress = parsed(
  { id: 'Address', description: 'IPv4 or IPv6 address.', examples: ['172.16.10.200'] },
  address.parseAddress,
  'must be an IPv4 or IPv6 address',
);

export const interfaceAddress = parsed(
  {
    id: 'InterfaceAddress',
    description: 'Address and prefix length of its link.',
    examples: ['172.16.10.215/24'],
  },
  address.parseInterfaceAddress,
  'must be an address with the prefix length of its link, such as 172.16.10.215/24',
);

export const endpoint = parsed(
  {
    id: 'Endpoint',
    description: 'Host (DNS name or address) and UDP port; IPv6 addresses in brackets.',
    examples: ['aws-a.example.net:51820', '[2001:db8::1]:51820'],
  },
  address.parseEndpoint,
  'must be host:port, address:port or [IPv6 address]:port',
  (text) => (address.isHostName(text) || address.parseAddress(text) ? 'The port is missing.' : undefined),
);

export interface LanEndpoint {
  readonly host: string;
  readonly address: Uint8Array;
  readonly port: number | undefined;
}

function parseLanEndpoint(text: string): LanEndpoint | undefined {
  const bare = address.parseAddress(text);
  if (bare !== undefined) return { host: text, address: bare, port: undefined };
  const full = address.parseEndpoint(text);
  return full?.address === undefined ? undefined : { ...full, address: full.address };
}

/** An address whose port may be left out. */
export const lanEndpoint = parsed(
  {
    id: 'LanAddress',
    description: 'Address, optionally with a UDP port (default: listenPort).',
    examples: ['172.16.10.201'],
  },
  parseLanEndpoint,
  'must be an address or address:port',
);

/** An address with a port: what can be reached without asking DNS first. */
export const addressAndPort = parsed(
  { id: 'AddressPort', description: 'Address and port.', examples: ['192.0.2.7:443', '[2001:db8::1]:443'] },
  (text) => {
    const given = address.parseEndpoint(text);
    return given?.address === undefined ? undefined : { address: given.address, port: given.port };
  },
  'must be address:port or [IPv6 address]:port',
  (text) => (address.parseAddress(text) ? 'The port is missing.' : undefined),
);

/** A name that DNS knows. */
export const hostName = z
  .string()
  .max(253)
  .refine(address.isHostName, { message: 'must be a host name such as example.com' })
  .meta({ id: 'HostName', description: 'Name that DNS knows.', examples: ['example.com'] });

export const publicKey = parsed(
  { id: 'PublicKey', description: 'WireGuard public key: 32 bytes in base64.' },
  parseKey,
  'must be a public key: 32 bytes in base64, 44 characters',
  () => "Print it with 'twinspan pubkey' on the node that it belongs to.",
);

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
