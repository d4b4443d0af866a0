/** Which address families an uplink can speak, from the addresses that its device has now. */
import type { Uplink } from './path.js';

/**
 * `uplink` with the families of `addresses` (text, with or without lengths). `bound`: the family to whose address its socket
 * is bound, the only one it can speak. An uplink without any address keeps what it had: it is down as a whole, and its
 * paths stay to say so.
 */
export function withFamilies(uplink: Uplink, addresses: readonly string[], bound: 4 | 6 | undefined): Uplink {
  if (addresses.length === 0) return uplink;
  const has6 = addresses.some((address) => address.includes(':'));
  const has4 = addresses.some((address) => !address.includes(':'));
  const [v4, v6] = [has4 && bound !== 6, has6 && bound !== 4];
  // An address of the other family alone is as good as none.
  if (!v4 && !v6) return uplink;
  return v4 === uplink.v4 && v6 === uplink.v6 ? uplink : { ...uplink, v4, v6 };
}
