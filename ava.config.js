/**
 * Tests are TypeScript, compiled to dist/test before they run. Each file gets a process of its own, because some
 * enter network namespaces or load the addon. `npm test` (scripts/test) adds order, counts and a plain last line.
 */
const order = (process.env.TEST_ORDER ?? '').split(':');
const place = (file) => order.findIndex((name) => name !== '' && file.endsWith(name));

export default {
  files: ['dist/test/**/*.test.js'],
  workerThreads: false,
  cache: false,
  timeout: '10m',
  utilizeParallelBuilds: false,
  sortTestFiles: (a, b) => place(a) - place(b) || a.localeCompare(b),
};
