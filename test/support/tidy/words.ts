/**
 * Words that do not belong. The forbidden ones are put together from halves here, so that this file is not its own
 * first offender.
 */
import { findLines, isTypeScript, type Rule, withoutComments } from './source.js';

const BANNED_IN_CORE: readonly [RegExp, string][] = [
  [/\bDate\.now\b/g, 'time is an argument'],
  [/\bnew Date\(/g, 'time is an argument'],
  [/\bperformance\.now\b/g, 'time is an argument'],
  [/\bMath\.random\b/g, 'randomness comes in by an interface'],
  [/\bcrypto\.(getRandomValues|randomUUID)\b/g, 'randomness comes in by an interface'],
  [/\b(setTimeout|setInterval|queueMicrotask)\(/g, 'a timer is a deadline that nextDeadline() tells'],
  [/\beval\(/g, 'never'],
];

const LEFTOVER = new RegExp(
  `\\b(${['TO', 'FIX', 'X'].map((half, i) => half + ['DO', 'ME', 'XX'][i]).join('|')})\\b`,
  'g',
);

const MACHINE_PATH = new RegExp(
  `(?<![\\w.~-])/(${['ro~ot', 'ho~me', 'wo~rk', 'Us~ers'].join('|').replaceAll('~', '')})/`,
  'g',
);

const REGISTRY = new RegExp(
  [
    'registry~.npm',
    'npm~mirror',
    'regis~try.yarn',
    'arti~factory',
    'proxy~.golang',
    'pypi~.org',
    'deb~.debian.org',
  ]
    .map((host) => host.replace('~', '').replaceAll('.', '\\.'))
    .join('|'),
  'gi',
);

const EVADES_RUN = /\b(?:test|it)(?:\.\w+)*\.(?:skip|only|failing|todo)\b/g;

/** Core asks nobody for the time or for chance. */
export const bannedCalls: Rule = (sources) =>
  sources
    .filter(({ path }) => isTypeScript(path, 'src/core'))
    .flatMap(({ path, text }) => {
      const code = withoutComments(text);
      return BANNED_IN_CORE.flatMap(([pattern, why]) =>
        findLines(path, code, pattern).map(({ where, match }) => `${where}: ${match} in core: ${why}`),
      );
    });

/** Nothing is left for later without a word to the reader of issues. */
export const leftovers: Rule = (sources) =>
  sources.flatMap(({ path, text }) =>
    findLines(path, text, LEFTOVER).map(({ where, match }) => `${where}: ${match}: do it, or open an issue`),
  );

/** The repository knows no developer's machine and no package registry. */
export const foreignWords: Rule = (sources) =>
  sources.flatMap(({ path, text }) => [
    ...findLines(path, text, MACHINE_PATH).map(
      ({ where, match }) => `${where}: ${match} is a path of one machine`,
    ),
    ...findLines(path, text, REGISTRY).map(({ where, match }) => `${where}: ${match} is a registry's host`),
  ]);

/** No test is switched off; one that needs root says so with rootTest. */
export const noEvasion: Rule = (sources) =>
  sources
    .filter(({ path }) => path.endsWith('.test.ts') && path !== 'test/tidy.test.ts')
    .flatMap(({ path, text }) =>
      findLines(path, withoutComments(text), EVADES_RUN).map(
        ({ where, match }) => `${where}: ${match}: every test runs; one that needs root is a rootTest`,
      ),
    );
