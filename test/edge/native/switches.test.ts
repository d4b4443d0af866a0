import test from 'ava';
import {
  native,
  TUN_OFFLOAD_CSUM,
  TUN_OFFLOAD_TSO,
  UDP_OFFLOAD_GRO,
  UDP_OFFLOAD_GSO,
  type UdpOptions,
} from '../../../src/edge/native.js';
import { openTun } from '../../../src/edge/tun/open.js';
import { isGsoBroken, openUdp } from '../../../src/edge/udp/open.js';
import { rootTest } from '../../support/privileged.js';

const any: Omit<UdpOptions, 'offloads'> = {
  address: '127.0.0.1',
  port: 0,
  device: '',
  mark: 0,
  reusePort: false,
};

test('kernels that mangle UDP trains are known by their release', (t) => {
  for (const kernel of ['7.0.0', '7.0.12-arch1', '7.1', '7.1-rc3', '7.1.0-generic', '7.1.4'])
    t.true(isGsoBroken(kernel), kernel);
  for (const kernel of ['6.18.44', '7.1.5', '7.1.10-1', '7.2.0', '8.0.1', '6.0.0'])
    t.false(isGsoBroken(kernel), kernel);
});

test('UDP offloads follow their switches', (t) => {
  const got = (gso: 'auto' | 'on' | 'off', gro: 'auto' | 'on' | 'off', kernel?: string): number => {
    const socket = openUdp(any, { gso, gro }, kernel);
    native().closeFd(socket.fd);
    return socket.offloads;
  };
  t.is(got('off', 'off'), 0);
  t.is(got('on', 'off', '7.0.1'), UDP_OFFLOAD_GSO);
  t.is(got('auto', 'on', '7.0.1'), UDP_OFFLOAD_GRO);
  t.is(got('auto', 'auto', '6.12.0'), UDP_OFFLOAD_GSO | UDP_OFFLOAD_GRO);
});

rootTest('TUN offloads follow their switches, and one that is on but not to be had is a coded error', (t) => {
  const name = `ts-sw${process.pid % 100_000}`;
  const device = openTun(name, 1, { csum: 'on', tso: 'on', uso: 'off', gro: 'off' });
  t.is(device.offloads, TUN_OFFLOAD_CSUM | TUN_OFFLOAD_TSO);
  native().closeFd(device.fds[0]);
  const without = { csum: 'off', tso: 'on', uso: 'auto', gro: 'auto' } as const;
  t.throws(() => openTun(name, 1, without), { code: 'TS_DEVICE', message: /tso/ });
  const plain = openTun(name, 1, { ...without, tso: 'auto' });
  t.is(plain.offloads, 0);
  native().closeFd(plain.fds[0]);
});
