/**
 * A bound on how deeply a YAML text can nest, taken before it is parsed. The parser recurses, and what happens at the
 * end of the stack is not always an exception (V8 aborts the process when a regular expression is compiled there). So
 * the depth is bounded from above by counting what could open a level: brackets, indentation, and the indicators
 * `-`, `?` and `:`. Quotes and comments are not understood; the bounds are far above any real file.
 */
const BRACKETS_MAX = 500;
/** Columns of indentation plus block indicators in one line. */
const LINE_LEVELS_MAX = 250;

const OPEN = /[[{]/;
const BRACKET = /[[\]{}]/g;
const INDENTATION = /^[ \t]*/;
const INDICATOR = /(?:^|[ \t])[-?:](?=[ \t\r]|$)/g;

/** The first line (from 1) at which `text` could nest too deeply for the parser; undefined where it cannot. */
export function tooDeepAt(text: string): number | undefined {
  let brackets = 0;
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    const indentation = (INDENTATION.exec(line) as RegExpExecArray)[0].length;
    const indicators = line.length <= LINE_LEVELS_MAX ? 0 : (line.match(INDICATOR)?.length ?? 0);
    if (indentation + indicators > LINE_LEVELS_MAX) return number;
    for (const [bracket] of line.matchAll(BRACKET)) {
      brackets = Math.max(0, brackets + (OPEN.test(bracket) ? 1 : -1));
      if (brackets > BRACKETS_MAX) return number;
    }
  }
  return undefined;
}
