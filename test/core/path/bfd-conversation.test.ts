import test from 'ava';
import { Link } from '../../support/bfd-link.js';
import { golden } from '../../support/golden.js';

const A = { name: 'A' };
const B = { name: 'B' };
const STANDARD = { fastWhileDownMs: 0 };

test('two of our nodes find each other, B falls silent and comes back', (t) => {
  const link = new Link({ seed: 1 }, A, B);
  link.runUntil(2_000);
  link.act('B is cut off', () => link.cut.add(link.b));
  link.runUntil(4_000);
  link.act('B is heard again', () => link.cut.clear());
  link.runUntil(6_000);
  golden(t, 'bfd-silence.txt', link.text('Our own nodes: 75 ms, four may be missed; B is cut off for 2 s'));
});

test('by the book: one packet a second until Up, then a Poll Sequence to the fast pace', (t) => {
  const link = new Link({ seed: 2 }, { ...A, ...STANDARD }, { ...B, ...STANDARD, active: false });
  link.runUntil(5_000);
  golden(t, 'bfd-standard.txt', link.text('RFC 5880 6.8.3 to the letter; B is passive'));
});

test('after half a minute without an answer the pace falls to one packet a second', (t) => {
  const link = new Link({ seed: 3 }, A, B);
  link.cut.add(link.b);
  link.runUntil(35_000);
  link.act('B is heard', () => link.cut.clear());
  link.runUntil(38_000);
  golden(t, 'bfd-slow.txt', link.text('B is not heard for 35 s'));
});

test('intervals change while Up: slower with the Final, faster at once', (t) => {
  const link = new Link({ seed: 4 }, A, B);
  link.runUntil(1_000);
  const slow = { desiredMinTxMs: 300, requiredMinRxMs: 75, multiplier: 4 };
  link.act('A wants to send every 300 ms', () => link.a.session.setPace(slow, link.now));
  link.runUntil(3_000);
  const fast = { desiredMinTxMs: 75, requiredMinRxMs: 50, multiplier: 3 };
  link.act('A wants to send every 75 ms, and take in every 50', () => link.a.session.setPace(fast, link.now));
  link.runUntil(4_000);
  golden(t, 'bfd-poll.txt', link.text('A changes its intervals'));
});

test('out of service and back', (t) => {
  const link = new Link({ seed: 5 }, A, B);
  link.runUntil(1_000);
  link.act('A is disabled', () => link.a.session.disable(link.now));
  link.runUntil(6_000);
  link.act('A is enabled', () => link.a.session.enable(link.now));
  link.runUntil(7_000);
  golden(t, 'bfd-admin-down.txt', link.text('A is taken out of service for 5 s'));
});
