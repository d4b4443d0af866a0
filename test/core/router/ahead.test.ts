import test from 'ava';
import { ROW_LENGTH, ROW_OFFSET, ROW_STRIDE } from '../../../src/core/packet/rows.js';
import { compileRoutes, type Route, RouteView } from '../../../src/core/route/table.js';
import { AHEAD_ROWS, Ahead } from '../../../src/core/router/ahead.js';
import type { RouterContext } from '../../../src/core/router/context.js';
import { randomEntries } from '../../bench/random-routes.js';
import { address, ip, udp, word } from '../../support/packets.js';

interface Asked {
  readonly family: 4 | 6;
  readonly words: number[];
}

/** What is asked for ahead of rows with these packets. */
function askedFor(packets: readonly Uint8Array[], withSources: boolean): Asked[] {
  const rows = new Int32Array(packets.length * ROW_STRIDE);
  const bytes = new Uint8Array(packets.length * 128);
  packets.forEach((packet, index) => {
    bytes.set(packet, index * 128);
    rows[index * ROW_STRIDE + ROW_OFFSET] = index * 128;
    rows[index * ROW_STRIDE + ROW_LENGTH] = packet.length;
  });
  const asked: Asked[] = [];
  const take = (family: 4 | 6) => (words: Int32Array, count: number) => {
    asked.push({ family, words: [...words.subarray(0, count * (family === 4 ? 1 : 4))] });
    return 0;
  };
  const routes = { ahead4: take(4), ahead6: take(6) };
  new Ahead().look(
    { rows, bytes, snapshot: { routes } } as unknown as RouterContext,
    0,
    rows.length,
    withSources,
  );
  return asked;
}

const packet = (source: string, destination: string): Uint8Array =>
  ip({ source, destination, protocol: 17, payload: udp(1, 2, new Uint8Array(4)) });
const words = (text: string): number[] => {
  const bytes = address(text);
  return Array.from({ length: bytes.length / 4 }, (_, index) => word(bytes, index) | 0);
};

test('destinations of a batch are asked for together, and sources where they count; one of a flow is enough', (t) => {
  const four = [
    packet('10.0.0.1', '10.1.0.1'),
    packet('10.0.0.1', '10.1.0.1'),
    packet('10.0.0.2', '10.1.0.2'),
  ];
  t.deepEqual(askedFor(four, false), [{ family: 4, words: [...words('10.1.0.1'), ...words('10.1.0.2')] }]);
  const flow = ['10.0.0.1', '10.1.0.1', '10.0.0.2', '10.1.0.2'].flatMap(words);
  t.deepEqual(askedFor(four, true), [{ family: 4, words: flow }]);
  const six = [packet('fd00::1', 'fd00:1::1'), packet('fd00::2', 'fd00:1::2')];
  t.deepEqual(askedFor([...six, ...four.slice(0, 1)], false), [
    { family: 6, words: [...words('fd00:1::1'), ...words('fd00:1::2')] },
  ]);
});

test('what is no packet is passed over', (t) => {
  const cut = packet('10.0.0.1', '10.1.0.1').subarray(0, 19);
  t.deepEqual(askedFor([cut, new Uint8Array(0), packet('fd00::1', 'fd00::2').subarray(0, 39)], true), []);
});

for (const family of [4, 6] as const) {
  test(`reading ahead in a table of family ${family} reads no word that is not there`, (t) => {
    const routes: Route[] = randomEntries(family, 2_000).map(({ prefix }) => ({
      prefix,
      metric: 1,
      target: 0,
      blackhole: false,
    }));
    const view = new RouteView(compileRoutes(routes));
    const stride = family === 4 ? 1 : 4;
    const addresses = new Int32Array(AHEAD_ROWS * stride);
    for (let first = 0; first < routes.length; first += AHEAD_ROWS) {
      routes.slice(first, first + AHEAD_ROWS).forEach(({ prefix }, index) => {
        for (let w = 0; w < stride; w++) addresses[index * stride + w] = word(prefix.bytes, w);
      });
      const read = family === 4 ? view.ahead4(addresses, AHEAD_ROWS) : view.ahead6(addresses, AHEAD_ROWS);
      t.true(Number.isFinite(read));
    }
  });
}
