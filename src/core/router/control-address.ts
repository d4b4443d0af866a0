/**
 * Control addresses: each node has an IPv6 unique local address (RFC 4193) inside the tunnels, for probes and hellos.
 * It follows from the network's name and the node's public key, so nobody assigns it: fd, 40 bits of the network's hash,
 * 80 bits of the key's.
 */
export type ControlAddress = readonly [number, number, number, number];

/**
 * The control address (four signed 32-bit words) of any node in the network `networkName`, from its public key (32 bytes).
 */
export function controlAddresses(
  hash: (data: Uint8Array) => Uint8Array,
  networkName: string,
): (publicKey: Uint8Array) => ControlAddress {
  const name = Uint8Array.from(
    [...networkName].flatMap((c) => [c.charCodeAt(0) & 0xff, c.charCodeAt(0) >> 8]),
  );
  const bytes = new Uint8Array(16);
  bytes[0] = 0xfd;
  bytes.set(hash(name).subarray(0, 5), 1);
  const wordAt = (at: number): number =>
    (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  return (publicKey) => {
    const input = new Uint8Array(name.length + publicKey.length);
    input.set(name);
    input.set(publicKey, name.length);
    bytes.set(hash(input).subarray(0, 10), 6);
    return [wordAt(0), wordAt(4), wordAt(8), wordAt(12)];
  };
}
