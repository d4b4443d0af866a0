/** Puts the tables into the README, between two markers. */
export const START_MARKER = '<!-- bench:start -->';
export const END_MARKER = '<!-- bench:end -->';

/** `readme` with `tables` between the markers; undefined where the markers are missing or in the wrong order. */
export function replaceTables(readme: string, tables: string): string | undefined {
  const start = readme.indexOf(START_MARKER);
  const end = readme.indexOf(END_MARKER);
  if (start < 0 || end < start) return undefined;
  return `${readme.slice(0, start + START_MARKER.length)}\n\n${tables}\n\n${readme.slice(end)}`;
}
