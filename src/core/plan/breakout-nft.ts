/**
 * The nft table of local breakout; uplink-host.ts says why it is as it is. It changes with the configuration alone, never
 * with the state of an uplink.
 */
import { NFT_TABLE } from './host.js';

/** Mark of what is not yet bound to an uplink, and of answers; the flows of an uplink have MARK + its place + 1. */
export const MARK = 0x5453_0000;
/** Uplinks that a configuration may have. */
const UPLINKS_MAX = 8;
/** Connection tracking zone of what comes from the WAN TUN. */
const ZONE = 84;

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}

/** IP and TCP headers without options (RFC 6691). */
const HEADERS = [
  ['ipv4', 40],
  ['ipv6', 60],
] as const;

export interface BreakoutTable {
  readonly wanTun: string;
  readonly mtu: number;
  readonly ways: readonly { readonly place: number; readonly device: string | undefined }[];
}

/** `table inet twinspan { … }`, as nft takes it. */
export function breakoutTable({ wanTun, ways, mtu }: BreakoutTable): string {
  const tun = JSON.stringify(wanTun);
  const flows = `${hex(MARK + 1)}-${hex(MARK + UPLINKS_MAX)}`;
  const bound = ways.flatMap(({ place, device }) =>
    device === undefined ? [] : [{ mark: hex(MARK + place + 1), device: JSON.stringify(device) }],
  );
  const clamps = ['iifname', 'oifname'].flatMap((side) =>
    HEADERS.map(([family, bytes]) => {
      const size = mtu - bytes;
      const syn = `${side} ${tun} meta nfproto ${family} tcp flags syn / syn,rst`;
      return `${syn} tcp option maxseg size > ${size} tcp option maxseg size set ${size}`;
    }),
  );
  const chain = (name: string, head: string, rules: readonly string[]): string =>
    [
      `\tchain ${name} {`,
      `\t\ttype ${head}; policy accept;`,
      ...rules.map((rule) => `\t\t${rule}`),
      '\t}',
    ].join('\n');
  return [
    `table inet ${NFT_TABLE} {`,
    chain('breakout_zone', 'filter hook prerouting priority raw', [
      `iifname ${tun} ct original zone set ${ZONE}`,
    ]),
    chain('breakout_mark', 'filter hook prerouting priority mangle', [
      `iifname ${tun} meta mark set ${hex(MARK)}`,
      `iifname ${tun} ct mark ${flows} meta mark set ct mark`,
      `iifname != ${tun} ct direction reply ct mark ${hex(MARK)}-${hex(MARK + UPLINKS_MAX)} meta mark set ${hex(MARK)}`,
    ]),
    chain('breakout_forward', 'filter hook forward priority mangle', [
      ...bound.map(
        ({ mark, device }) =>
          `iifname ${tun} ct mark ${mark} oifname != ${device} meta l4proto tcp reject with tcp reset`,
      ),
      ...clamps,
    ]),
    chain('breakout_out', 'nat hook postrouting priority srcnat', [
      ...bound.map(
        ({ mark, device }) => `meta mark ${hex(MARK)} oifname ${device} ct mark set ${mark} masquerade`,
      ),
      `meta mark ${hex(MARK)} oifname != ${tun} ct mark set ${hex(MARK)} masquerade`,
    ]),
    '}',
  ].join('\n');
}
