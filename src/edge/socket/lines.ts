/**
 * Lines from a byte stream, bounded: a line that grows beyond the bound is an error, not memory. Bytes, not text, are
 * cut, so a multi-byte character is never split.
 */
export class LineSplitter {
  private held: Buffer[] = [];
  private heldBytes = 0;
  private readonly lineBytesMax: number;

  constructor(lineBytesMax: number) {
    this.lineBytesMax = lineBytesMax;
  }

  /** Complete lines (without their newline) after `chunk`; undefined where a line is longer than the bound. */
  push(chunk: Buffer): string[] | undefined {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      if (this.heldBytes + end - start > this.lineBytesMax) return undefined;
      this.held.push(chunk.subarray(start, end));
      lines.push(Buffer.concat(this.held).toString('utf8'));
      this.held = [];
      this.heldBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      this.heldBytes += chunk.length - start;
      if (this.heldBytes > this.lineBytesMax) return undefined;
      this.held.push(Buffer.from(chunk.subarray(start)));
    }
    return lines;
  }
}
