/** Classic BPF programs (Linux: struct sock_filter), as the kernel takes them. */

/** Code, instructions to skip where a jump's condition holds and where it does not, and the operand. */
export type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/** A program in the byte order of the machine, 8 bytes an instruction. */
export function encodeFilter(program: readonly Instruction[], littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [at, [code, ifTrue, ifFalse, value]] of program.entries()) {
    view.setUint16(at * 8, code, littleEndian);
    bytes[at * 8 + 2] = ifTrue;
    bytes[at * 8 + 3] = ifFalse;
    view.setUint32(at * 8 + 4, value, littleEndian);
  }
  return bytes;
}
