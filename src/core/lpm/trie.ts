/**
 * The editable truth about prefixes: a path-compressed binary trie (Morrison's PATRICIA) for both families. It is
 * small and slow, lives on the control thread, and is compiled to the flat table of lookup.ts for the packet path.
 */
import { bitAt, bitsOf, covers, type Family, type Prefix, sameBits, samePrefix } from '../base/prefix.js';

/** A prefix and what is stored for it. */
export interface PrefixEntry<T> {
  readonly prefix: Prefix;
  readonly value: T;
}

interface Node<T> {
  readonly prefix: Prefix;
  /** Undefined in a branching node that only joins two subtrees. */
  entry: PrefixEntry<T> | undefined;
  zero: Node<T> | undefined;
  one: Node<T> | undefined;
}

export class PrefixTrie<T> {
  private root4: Node<T> | undefined;
  private root6: Node<T> | undefined;
  private count = 0;

  /** Number of prefixes stored. */
  get size(): number {
    return this.count;
  }

  /** Stores `value` for `prefix`; returns what was stored before, if anything. */
  insert(prefix: Prefix, value: T): T | undefined {
    const entry = { prefix, value };
    const leaf: Node<T> = { prefix, entry, zero: undefined, one: undefined };
    let parent: Node<T> | undefined;
    let node = this.root(prefix.family);
    while (node !== undefined && node.prefix.length < prefix.length && coversPrefix(node.prefix, prefix)) {
      parent = node;
      node = child(node, prefix);
    }
    if (node === undefined) {
      this.attach(parent, leaf);
    } else if (samePrefix(node.prefix, prefix)) {
      const before = node.entry;
      node.entry = entry;
      if (before !== undefined) return before.value;
    } else if (coversPrefix(prefix, node.prefix)) {
      this.attach(parent, leaf);
      attachChild(leaf, node);
    } else {
      const fork: Node<T> = {
        prefix: common(prefix, node.prefix),
        entry: undefined,
        zero: undefined,
        one: undefined,
      };
      this.attach(parent, fork);
      attachChild(fork, node);
      attachChild(fork, leaf);
    }
    this.count++;
    return undefined;
  }

  /** Forgets `prefix`; returns what was stored, if anything. */
  remove(prefix: Prefix): T | undefined {
    let grandparent: Node<T> | undefined;
    let parent: Node<T> | undefined;
    let node = this.root(prefix.family);
    while (node !== undefined && node.prefix.length < prefix.length && coversPrefix(node.prefix, prefix)) {
      grandparent = parent;
      parent = node;
      node = child(node, prefix);
    }
    if (node?.entry === undefined || !samePrefix(node.prefix, prefix)) return undefined;
    const { value } = node.entry;
    node.entry = undefined;
    this.count--;
    if (node.zero !== undefined && node.one !== undefined) return value;
    this.replace(parent, node, node.zero ?? node.one);
    // A join that has lost one of its two subtrees joins nothing any more.
    if (
      parent !== undefined &&
      parent.entry === undefined &&
      !(parent.zero !== undefined && parent.one !== undefined)
    ) {
      this.replace(grandparent, parent, parent.zero ?? parent.one);
    }
    return value;
  }

  /** What is stored for exactly this prefix. */
  get(prefix: Prefix): T | undefined {
    let node = this.root(prefix.family);
    while (node !== undefined && node.prefix.length < prefix.length && coversPrefix(node.prefix, prefix)) {
      node = child(node, prefix);
    }
    return node !== undefined && samePrefix(node.prefix, prefix) ? node.entry?.value : undefined;
  }

  /** The longest stored prefix that covers `address` (4 or 16 bytes). */
  match(address: Uint8Array): PrefixEntry<T> | undefined {
    const family: Family = address.length === 4 ? 4 : 6;
    return this.longest({ family, bytes: address, length: bitsOf(family) }, bitsOf(family));
  }

  /** The longest stored prefix that covers `prefix` and is strictly shorter: its parent among the stored ones. */
  covering(prefix: Prefix): PrefixEntry<T> | undefined {
    return this.longest(prefix, prefix.length - 1);
  }

  /** All entries, IPv4 first, by address and then by length. */
  *entries(): Generator<PrefixEntry<T>> {
    yield* walk(this.root4);
    yield* walk(this.root6);
  }

  private longest(prefix: Prefix, lengthMax: number): PrefixEntry<T> | undefined {
    let best: PrefixEntry<T> | undefined;
    let node = this.root(prefix.family);
    while (node !== undefined && node.prefix.length <= lengthMax && covers(node.prefix, prefix.bytes)) {
      best = node.entry ?? best;
      if (node.prefix.length === prefix.bytes.length * 8) break;
      node = child(node, prefix);
    }
    return best;
  }

  private root(family: Family): Node<T> | undefined {
    return family === 4 ? this.root4 : this.root6;
  }

  private attach(parent: Node<T> | undefined, node: Node<T>): void {
    if (parent !== undefined) attachChild(parent, node);
    else if (node.prefix.family === 4) this.root4 = node;
    else this.root6 = node;
  }

  private replace(parent: Node<T> | undefined, old: Node<T>, next: Node<T> | undefined): void {
    if (parent !== undefined) {
      if (parent.zero === old) parent.zero = next;
      else parent.one = next;
    } else if (old.prefix.family === 4) this.root4 = next;
    else this.root6 = next;
  }
}

function child<T>(node: Node<T>, prefix: Prefix): Node<T> | undefined {
  return bitAt(prefix.bytes, node.prefix.length) === 0 ? node.zero : node.one;
}

function attachChild<T>(parent: Node<T>, node: Node<T>): void {
  if (bitAt(node.prefix.bytes, parent.prefix.length) === 0) parent.zero = node;
  else parent.one = node;
}

function coversPrefix(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && sameBits(outer.bytes, inner.bytes, outer.length);
}

/** The longest prefix that covers both. */
function common(a: Prefix, b: Prefix): Prefix {
  let length = 0;
  const longest = Math.min(a.length, b.length);
  while (length < longest && bitAt(a.bytes, length) === bitAt(b.bytes, length)) length++;
  const bytes = new Uint8Array(a.bytes.length);
  for (let bit = 0; bit < length; bit++) bytes[bit >> 3] |= bitAt(a.bytes, bit) << (7 - (bit & 7));
  return { family: a.family, bytes, length };
}

function* walk<T>(node: Node<T> | undefined): Generator<PrefixEntry<T>> {
  if (node === undefined) return;
  if (node.entry !== undefined) yield node.entry;
  yield* walk(node.zero);
  yield* walk(node.one);
}
