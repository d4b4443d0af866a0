/** Virtual time: a heap of things to do, by time and then by the order in which they were put in. */
interface Item {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

function before(a: Item, b: Item): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

export class VirtualClock {
  now = 0;
  /** How many things have been done. */
  steps = 0;
  readonly #heap: Item[] = [];
  #order = 0;

  at(atMs: number, act: () => void): void {
    const heap = this.#heap;
    const item = { atMs: Math.max(atMs, this.now), order: this.#order++, act };
    let index = heap.length;
    heap.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(item, heap[parent])) break;
      heap[index] = heap[parent];
      index = parent;
    }
    heap[index] = item;
  }

  after(delayMs: number, act: () => void): void {
    this.at(this.now + delayMs, act);
  }

  /** Does everything that is due until `untilMs`; `each` runs after every step. */
  run(untilMs: number, each: () => void): void {
    for (let item = this.#heap[0]; item !== undefined && item.atMs <= untilMs; item = this.#heap[0]) {
      this.#pop();
      this.now = item.atMs;
      this.steps++;
      item.act();
      each();
    }
    this.now = untilMs;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Item;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[index] = heap[child];
      index = child;
    }
    heap[index] = last;
  }
}
