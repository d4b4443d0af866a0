/**
 * Limits on files and functions. A function is found by its braces and the formatter's indentation: a line that opens
 * a body, up to the line of the same indentation that closes it. That is an estimate, and good enough to stop growth.
 */
import { isTypeScript, lineCount, type Rule, type Source } from './source.js';

export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;
export const MEDIAN_LINES_MAX = 150;

const OPENS_BODY = /(\)(: .+| const| noexcept| override| -> [^)]+)*|=>) \{$/;
const CONTROL = /^(\} )?(if|else|for|while|switch|do|catch|try|with)\b/;

function isMeasured({ path }: Source): boolean {
  return isTypeScript(path, 'src', 'test') || /^native\/.*\.(cc|h)$/.test(path);
}

const indentOf = (line: string): number => line.length - line.trimStart().length;

/** The line on which the statement that ends at `index` began: itself, unless it starts with a closing bracket. */
function headOf(lines: readonly string[], index: number): number {
  if (!lines[index].trimStart().startsWith(')')) return index;
  for (let i = index - 1; i >= 0; i--) {
    if (lines[i] !== '' && indentOf(lines[i]) === indentOf(lines[index])) return i;
  }
  return index;
}

/** Functions of a text with more than `linesMax` lines: where they start and how long they are. */
export function longFunctions(text: string, linesMax: number): { line: number; length: number }[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    if (!OPENS_BODY.test(line)) return [];
    const head = headOf(lines, index);
    if (CONTROL.test(lines[head].trimStart())) return [];
    const indent = indentOf(line);
    const end = lines.findIndex(
      (other, i) => i > index && other.trimStart().startsWith('}') && indentOf(other) === indent,
    );
    const length = end - head + 1;
    return end >= 0 && length > linesMax ? [{ line: head + 1, length }] : [];
  });
}

/** No file is longer than a person reads at once. */
export const fileLength: Rule = (sources) =>
  sources
    .filter(isMeasured)
    .filter(({ text }) => lineCount(text) > FILE_LINES_MAX)
    .map(
      ({ path, text }) => `${path}: ${lineCount(text)} lines, ${FILE_LINES_MAX} at most; split it by idea`,
    );

/** No function is longer than a screen. */
export const functionLength: Rule = (sources) =>
  sources
    .filter(isMeasured)
    .flatMap(({ path, text }) =>
      longFunctions(text, FUNCTION_LINES_MAX).map(
        ({ line, length }) => `${path}:${line}: a function of ${length} lines, ${FUNCTION_LINES_MAX} at most`,
      ),
    );

/** Half of the modules are short. */
export const medianLength: Rule = (sources) => {
  const lengths = sources
    .filter(({ path }) => isTypeScript(path, 'src'))
    .map(({ text }) => lineCount(text))
    .sort((a, b) => a - b);
  const median = lengths[lengths.length >> 1] ?? 0;
  return median > MEDIAN_LINES_MAX
    ? [`src: the median file has ${median} lines, ${MEDIAN_LINES_MAX} at most`]
    : [];
};
