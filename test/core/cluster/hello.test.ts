import test from 'ava';
import fc from 'fast-check';
import {
  encodeAcknowledgement,
  encodeHello,
  encodeItems,
  encodeKeeping,
  HELLO_BYTES_MAX,
  type Hello,
  type HelloPart,
  parseHello,
  saidIn,
} from '../../../src/core/cluster/hello.js';
import {
  encodeRecord,
  type MemberRecord,
  ONE_UPLINK,
  parseRecord,
  parseRecordText,
  ROLES,
} from '../../../src/core/cluster/record.js';

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
const count = fc.integer({ min: 0, max: 2 ** 53 - 1 });
const epoch = fc.record({
  n: fc.integer({ min: 1, max: 2 ** 48 }),
  member: fc.integer({ min: 0, max: 63 }),
});
const record: fc.Arbitrary<MemberRecord> = fc.record({
  incarnation: count,
  sequence: count,
  role: fc.constantFrom(...ROLES),
  epoch: fc.option(epoch, { nil: undefined }),
  able: fc.boolean(),
  lan: fc.boolean(),
  lanProven: fc.boolean(),
  serve: fc.boolean(),
  held: fc.boolean(),
  score: fc.integer({ min: 0, max: 65_535 }),
  uplinks: fc.record({ usable: fc.integer({ min: 0, max: 8 }), lost: fc.integer({ min: 0, max: 8 }) }),
});
const hello: fc.Arbitrary<Hello> = fc.record({
  incarnation: count,
  sequence: count,
  record,
  shows: fc.array(fc.record({ name, record }), { maxLength: 7 }),
  epochs: fc.array(fc.record({ cluster: name, epoch }), { maxLength: 60 }),
  direct: fc.array(name, { maxLength: 60 }),
  throughHub: fc.array(name, { maxLength: 20 }),
});

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

test('a record survives encoding, in hellos and in heartbeats', (t) => {
  fc.assert(
    fc.property(record, (value) => {
      t.deepEqual(parseRecord(encodeRecord(value)), value);
      t.deepEqual(parseRecordText(JSON.stringify(encodeRecord(value))), value);
    }),
  );
});

test('what is no record is refused', (t) => {
  const good = [1, 1, 2, 7, 1, 7, 3];
  t.truthy(parseRecord(good));
  const bad: unknown[] = [null, {}, [], good.slice(1), [...good, 1], 'x', 7];
  for (let field = 0; field < good.length; field++) {
    for (const value of [-1, 1.5, '1', null, 2 ** 60, Number.NaN])
      bad.push(good.with(field, value as number));
  }
  for (const value of bad) t.is(parseRecord(value), undefined, JSON.stringify(value));
  t.is(parseRecord([1, 1, 4, 7, 1, 7, 3]), undefined, 'an unknown role');
  t.is(parseRecord([1, 1, 2, 2 ** 48 + 1, 1, 7, 3]), undefined, 'an epoch beyond its bound');
  t.is(parseRecordText('[1,1,2,7,1,7,3'), undefined);
});

test('a hello survives encoding, in datagrams of bounded size', (t) => {
  fc.assert(
    fc.property(hello, (value) => {
      const datagrams = encodeHello(value, encodeItems(value));
      const parts = datagrams.map((bytes) => parseHello(bytes) as HelloPart);
      for (const bytes of datagrams) t.true(bytes.length <= HELLO_BYTES_MAX);
      t.deepEqual(
        parts.map(({ kind, part, parts: all }) => [kind, part, all]),
        datagrams.map((_, part) => ['hello', part, datagrams.length]),
      );
      const { incarnation, sequence } = value;
      for (const part of parts) t.like(part, { incarnation, sequence, record: value.record });
      t.deepEqual(parts[0].shows, value.shows);
      t.deepEqual(
        parts.flatMap(({ epochs }) => epochs),
        value.epochs,
      );
      t.deepEqual(
        parts.flatMap(({ direct }) => direct),
        value.direct,
      );
      t.deepEqual(
        parts.flatMap(({ throughHub }) => throughHub),
        value.throughHub,
      );
    }),
  );
});

test('a small network fits one datagram, and the form is the documented one', (t) => {
  const own: MemberRecord = {
    incarnation: 5,
    sequence: 6,
    role: 'active',
    epoch: { n: 7, member: 1 },
    able: true,
    lan: true,
    lanProven: false,
    serve: true,
    held: false,
    score: 3,
    uplinks: { usable: 2, lost: 1 },
  };
  const items = encodeItems({
    epochs: [{ cluster: 'edge1', epoch: { n: 2, member: 0 } }],
    direct: ['edge1-a'],
    throughHub: [],
  });
  const shows = [{ name: 'edge1-a', record: { ...own, role: 'standby' } as const }];
  const datagrams = encodeHello({ incarnation: 5, sequence: 9, record: own, shows }, items);
  t.deepEqual(datagrams, [
    ascii(
      '{"v":1,"i":[5,9,0,1],"r":[5,6,2,7,1,7,3,2,1],"m":[["edge1-a",[5,6,0,7,1,7,3,2,1]]],"e":[["edge1",2,0]],"d":["edge1-a"]}',
    ),
  ]);
});

test('lists have a number, and a hello may refer to it instead of carrying them', (t) => {
  fc.assert(
    fc.property(hello, count, (value, revision) => {
      const carried = encodeHello(value, encodeItems(value), revision).map(
        (bytes) => parseHello(bytes) as HelloPart,
      );
      for (const part of carried) t.like(part, { revision, keeps: false });
      t.deepEqual(
        carried.flatMap(({ direct }) => direct),
        value.direct,
      );
      const kept = parseHello(encodeKeeping(value, revision)) as HelloPart;
      const { incarnation, sequence, record, shows } = value;
      const nothing = { epochs: [], direct: [], throughHub: [] };
      const whole = { kind: 'hello', part: 0, parts: 1 } as const;
      t.deepEqual(kept, {
        ...whole,
        incarnation,
        sequence,
        record,
        shows,
        revision,
        keeps: true,
        ...nothing,
      });
    }),
  );
});

test('an acknowledgement survives encoding', (t) => {
  const acknowledged = { incarnation: 5, sequence: 9, part: 3, known: 8, lists: 4 };
  t.deepEqual(parseHello(encodeAcknowledgement(acknowledged)), { kind: 'acknowledgement', ...acknowledged });
  t.like(parseHello(ascii('{"v":1,"a":[5,9,3,8]}')), { lists: 0 }, 'of a version without numbers');
});

test('garbage is refused and never throws', (t) => {
  const refused = (text: string): boolean => t.is(parseHello(ascii(text)), undefined, text);
  refused('');
  refused('null');
  refused('[1]');
  refused('{"v":2,"a":[1,1,0,1]}');
  refused('{"v":1,"a":[1,1,0]}');
  refused('{"v":1,"a":[1,1,999,1]}');
  refused('{"v":1,"i":[1,1,1,1],"r":[1,1,2,7,1,7,3]}');
  refused('{"v":1,"i":[1,1,0,1],"r":[1,1,2,7,1,7,3],"m":[["__proto__",7]]}');
  refused('{"v":1,"i":[1,1,0,1],"r":[1,1,2,7,1,7,3],"d":[""]}');
  refused('{"v":1,"i":[1,1,0,1],"r":[1,1,2,7,1,7,3],"k":-1}');
  refused('{"v":1,"i":[1,1,0,1],"r":[1,1,2,7,1,7,3],"l":"x"}');
  refused('{"v":1,"i":[1,1,0,2],"r":[1,1,2,7,1,7,3],"k":1}');
  refused('{"v":1,"a":[1,1,0,1],"l":null}');
  refused(`{"v":1,"i":[1,1,0,1],"r":[1,1,2,7,1,7,3],"d":["${'x'.repeat(64)}"]}`);
  refused('{"v":1,"i":[1,1,0,1],"r":[1,1,2,7,1,7,3,1]}');
  refused('{"v":1,"i":[1,1,0,1],"r":[1,1,2,7,1,7,3,1,9]}');
  t.like(parseHello(ascii('{"v":1,"i":[1,1,0,1],"r":[1,1,2,7,1,7,3]}')), { record: { uplinks: ONE_UPLINK } });
  t.truthy(parseHello(ascii('{"v":1,"i":[1,1,0,1],"r":[1,1,2,7,1,7,3],"later":{"x":1}}')));
  t.is(parseHello(new Uint8Array(HELLO_BYTES_MAX + 1).fill(0x20)), undefined);
  fc.assert(
    fc.property(hello, fc.nat(), fc.nat({ max: 255 }), (value, at, byte) => {
      const [bytes] = encodeHello(value, encodeItems(value));
      bytes[at % bytes.length] = byte;
      t.notThrows(() => parseHello(bytes));
    }),
  );
});

test('what two hellos say is the same where nothing but their numbers differs', (t) => {
  const encode = (hello: Hello): Uint8Array[] => encodeHello(hello, encodeItems(hello));
  fc.assert(
    fc.property(hello, hello, count, (one, two, sequence) => {
      const [first] = encode(one);
      const same = (other: Hello): boolean =>
        Buffer.from(saidIn(first) ?? []).equals(saidIn(encode(other)[0]) ?? Uint8Array.of());
      t.true(same({ ...one, sequence }) || encode({ ...one, sequence }).length !== encode(one).length);
      const rest = ({ record: { incarnation: _, ...own }, ...said }: Hello): string =>
        JSON.stringify([own, said.shows, said.epochs, said.direct, said.throughHub]);
      t.true(rest(one) === rest(two) || encode(one).length > 1 || !same(two));
    }),
  );
  t.is(saidIn(ascii('{"r":[1],"v":1,"i":[1,1,0,1]}')), undefined);
});
