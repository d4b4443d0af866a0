/** The configuration that the lab writes is configuration that a node accepts. */
import test from 'ava';
import { parse } from 'yaml';
import { layoutFor } from '../../../src/app/lab/layout.js';
import { networkYaml, nodesOf, nodeYaml } from '../../../src/app/lab/plan/overlay.js';
import { SCENARIOS } from '../../../src/app/lab/scenarios/index.js';

const layout = layoutFor('', ['twinspan'], (name) => [name]);

for (const scenario of SCENARIOS) {
  test(`${scenario.name}: network.yaml and node.yaml say what the scenario says`, (t) => {
    const network = parse(networkYaml(scenario, layout));
    t.deepEqual(Object.keys(network.nodes), nodesOf(scenario).map((host) => host.name));
    t.is(network.insideNat.length, scenario.overlay.insideNat.length);
    for (const host of nodesOf(scenario)) {
      const node = parse(nodeYaml(layout, host));
      t.is(node.node, host.name);
      t.is(node.lan.device, host.node!.lan);
      t.is(node.uplinks.length, host.node!.uplinks.length);
    }
  });
}
