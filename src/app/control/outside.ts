/**
 * How an uplink looks from outside: what its peers see is compared with what it has (is there a NAT?), and with what other
 * peers see of the same port (does the NAT give each destination another mapping? RFC 4787, 4.1). Behind such a NAT nobody
 * can be told where to dial this node.
 */
import { formatEndpoint } from '../../core/config/address.js';
import type { NetcheckUplink } from '../observe/path-reports.js';

/** What one peer sees of one path. */
export interface Seen {
  readonly peer: string;
  /** Where the peer is spoken to. */
  readonly remote: string;
  /** Which of our sockets it is spoken to by, and that one's port; undefined: any port. */
  readonly from: number;
  readonly ownPort: number | undefined;
  readonly address: string;
  readonly port: number;
  readonly agoMs: number;
}

export type OutsideView = Pick<NetcheckUplink, 'seen' | 'nat' | 'mapping'>;

/** `own`: the addresses of the uplink, without their lengths. */
export function viewFromOutside(own: readonly string[], seen: readonly Seen[]): OutsideView {
  const isOwn = ({ address, port, ownPort }: Seen): boolean =>
    own.includes(address) && (ownPort === undefined || port === ownPort);
  return {
    seen: seen.map(({ peer, remote, address, port, agoMs }) => {
      return { as: formatEndpoint(address, port), peer, remote, agoMs };
    }),
    nat: seen.length === 0 ? 'unknown' : seen.every(isOwn) ? 'no' : 'yes',
    mapping: mappingOf(seen),
  };
}

function mappingOf(seen: readonly Seen[]): OutsideView['mapping'] {
  const pairs = seen.flatMap((one, index) =>
    seen
      .slice(index + 1)
      .filter((other) => isComparable(one, other))
      .map((other) => one.address === other.address && one.port === other.port),
  );
  if (pairs.length === 0) return 'unknown';
  return pairs.every(Boolean) ? 'same' : 'differs';
}

/** Two who are spoken to from one port, by one family, in different places. */
function isComparable(one: Seen, other: Seen): boolean {
  const isSix = (seen: Seen): boolean => seen.address.includes(':');
  return one.from === other.from && one.remote !== other.remote && isSix(one) === isSix(other);
}
