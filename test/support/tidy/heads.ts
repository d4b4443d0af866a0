/** Who opens a file learns first what it is for. */
import { isTypeScript, type Rule } from './source.js';

/** Every script says in its first comment what it does. */
export const scriptHeads: Rule = (sources) =>
  sources
    .filter(({ path }) => path.startsWith('scripts/') || path.startsWith('.ci/'))
    .filter(({ text }) => !/^(#!.*\n)?\s*(# ?\w.{10,}|\/\/ ?\w.{10,}|\/\*)/.test(text))
    .map(({ path }) => `${path}: begins without a comment that says what it does`);

/** Every module begins with a comment: an essay, or one line. */
export const moduleHeads: Rule = (sources) =>
  sources
    .filter(({ path }) => isTypeScript(path, 'src'))
    .filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text))
    .map(({ path }) => `${path}: begins without a comment that says what it is`);

/** Every exported function of core and edge has a docstring. */
export const docstrings: Rule = (sources) =>
  sources
    .filter(({ path }) => isTypeScript(path, 'src/core', 'src/edge'))
    .flatMap(({ path, text }) => {
      const lines = text.split('\n');
      return lines.flatMap((line, index) => {
        const name = /^export (?:async )?function\*? (\w+)/.exec(line)?.[1];
        if (name === undefined || lines[index - 1]?.trimEnd().endsWith('*/')) return [];
        return lines[index - 1]?.startsWith('export function') && lines[index - 1].endsWith(';')
          ? []
          : [`${path}:${index + 1}: ${name} is public and has no docstring`];
      });
    });
