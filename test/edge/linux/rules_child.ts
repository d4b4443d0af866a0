/** Run inside a network namespace by the test: switches rules by rtnetlink, and prints after each switch what `ip` sees. */
import type { HostRule } from '../../../src/core/plan/host.js';
import { type Host, observeHost, realHost } from '../../../src/edge/linux/observe.js';
import { switchRules } from '../../../src/edge/linux/rules.js';
import { native } from '../../../src/edge/native.js';
import { NOTHING } from '../../core/plan/fixtures.js';

const host: Host = realHost();
let before: readonly HostRule[] = [];
const seen: (readonly HostRule[])[] = [];
for (const after of JSON.parse(process.argv[2] ?? '[]') as HostRule[][]) {
  switchRules(native(), before, after);
  before = after;
  seen.push((await observeHost(NOTHING, host)).state.rules);
}
console.log(JSON.stringify(seen));
