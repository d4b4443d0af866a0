/** Plain text tables: columns as wide as their widest cell, two spaces between, no lines, nothing after the last cell. */

/** Rows of cells as aligned lines. Columns whose heading begins with '>' are aligned to the right (and lose the '>'). */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  indent = '',
): string {
  const right = headings.map((heading) => heading.startsWith('>'));
  const head = headings.map((heading, i) => (right[i] ? heading.slice(1) : heading));
  const all = head.some((heading) => heading !== '') ? [head, ...rows] : rows;
  const widths = head.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length), 0));
  return all
    .map((row) => {
      const cells = widths.map((width, i) => pad(row[i] ?? '', width, right[i]));
      return (indent + cells.join('  ')).trimEnd();
    })
    .join('\n');
}

function pad(cell: string, width: number, toRight: boolean): string {
  return toRight ? cell.padStart(width) : cell.padEnd(width);
}
