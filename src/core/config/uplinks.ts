/**
 * Uplinks: names and devices that are each one's own, gateways and source addresses that can belong together, and probes
 * that say one thing each.
 */
import { formatAddress, formatEndpoint } from './address.js';
import type { ProbeConfiguration, UplinkConfiguration } from './configuration.js';
import type { NodeFile } from './node-schema.js';
import type { Findings, Path, Source } from './problem.js';

type UplinkEntry = NodeFile['uplinks'][number];

const DNS_PORT = 53;

/** Resolves and checks the uplinks of a node file. */
export function resolveUplinks(file: NodeFile, source: Source, findings: Findings): UplinkConfiguration[] {
  const names = new Set<string>();
  const devices = new Map<string, string>();
  return file.uplinks.map((uplink, index) => {
    const path = ['uplinks', index];
    if (names.has(uplink.name)) {
      findings.refuse(source, [...path, 'name'], `uplink '${uplink.name}' is named twice.`);
    }
    names.add(uplink.name);
    checkDevice(file, uplink, path, devices, source, findings);
    const { name, device, address, gateway, cost, weight, isp, probeMs } = uplink;
    const probes = uplink.probes.flatMap((probe, at) =>
      resolveProbe(probe, [...path, 'probes', at], source, findings),
    );
    return { name, device, address, gateway, cost, weight, isp, probes, probeMs };
  });
}

function checkDevice(
  file: NodeFile,
  { name, device, gateway }: UplinkEntry,
  path: Path,
  devices: Map<string, string>,
  source: Source,
  findings: Findings,
): void {
  if (device === undefined) {
    const hint = 'Name its device.';
    if (gateway !== undefined) {
      findings.refuse(source, [...path, 'gateway'], `uplink '${name}' has a gateway but no device.`, hint);
    }
    if (file.uplinks.length > 1) {
      findings.refuse(source, path, `uplink '${name}' has no device, and is one of several.`, hint);
    }
    return;
  }
  const other = devices.get(device);
  if (other !== undefined) {
    const hint = 'Two ISPs behind one device are told apart by their router, not here.';
    findings.refuse(
      source,
      [...path, 'device'],
      `'${device}' is also the device of uplink '${other}'.`,
      hint,
    );
  }
  devices.set(device, name);
  if (device === file.lan.tun || device === file.wan.tun) {
    findings.refuse(source, [...path, 'device'], `'${device}' is a TUN device of Twinspan itself.`);
  }
}

function resolveProbe(
  probe: UplinkEntry['probes'][number],
  path: Path,
  source: Source,
  findings: Findings,
): ProbeConfiguration[] {
  const { ping, tcp, dns, name } = probe;
  const given = [ping, tcp, dns].filter((value) => value !== undefined);
  if (given.length !== 1) {
    const message = given.length === 0 ? 'asks nobody.' : 'asks more than one thing.';
    findings.refuse(source, path, message, 'Write ping: ADDRESS, tcp: ADDRESS:PORT, or dns: ADDRESS.');
    return [];
  }
  if (name !== undefined && dns === undefined) {
    findings.refuse(source, [...path, 'name'], 'only a dns probe has a name.');
    return [];
  }
  if (ping !== undefined) return [probeOf('ping', ping, 0, formatAddress(ping))];
  if (dns !== undefined) return [probeOf('dns', dns, DNS_PORT, formatAddress(dns), name)];
  return tcp === undefined
    ? []
    : [probeOf('tcp', tcp.address, tcp.port, formatEndpoint(tcp.address, tcp.port))];
}

function probeOf(
  kind: ProbeConfiguration['kind'],
  address: Uint8Array,
  port: number,
  text: string,
  query = '',
): ProbeConfiguration {
  return { name: `${kind} ${text}${query === '' ? '' : ` ${query}`}`, kind, address, port, query };
}
