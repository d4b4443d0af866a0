/** The methods of the control socket. */

import { TwinspanError } from '../../core/base/errors.js';
import type { PingRequest } from '../observe/path-reports.js';
import type { ExplainRequest } from '../observe/report.js';
import { clusterReport } from './cluster-report.js';
import { explain } from './explain.js';
import { netcheckReport } from './netcheck.js';
import type { Node } from './node.js';
import { pathsReport } from './paths-report.js';
import { metricsReport } from './pauses.js';
import { ping } from './ping.js';
import { natReport, routesReport, statusReport } from './report.js';
import { drain, failover, undrain } from './role-commands.js';
import { uplinksReport } from './uplink-report.js';

export interface RequestContext {
  readonly version: string;
  readonly configFile: string;
}

/** Answers one request. Throws TS_REQUEST_INVALID for what it does not understand. */
export async function handleRequest(
  node: Node | undefined,
  method: string,
  params: unknown,
  context: RequestContext,
): Promise<unknown> {
  if (node === undefined)
    throw new TwinspanError('TS_REQUEST_INVALID', 'The node is still starting.', 'Ask again.');
  const fields = params as Record<string, unknown>;
  switch (method) {
    case 'status':
      return statusReport(node, context.version, context.configFile);
    case 'metrics':
      return metricsReport(statusReport(node, context.version, context.configFile), node.pauses);
    case 'routes':
      return routesReport(node, optionalText(fields['address'], 'address'));
    case 'nat':
      return natReport(node);
    case 'explain':
      return explain(node, explainRequest(fields));
    case 'reload':
      return await node.reload(context.configFile);
    case 'cluster':
      return clusterReport(node);
    case 'failover':
      return await failover(node, optionalText(fields['to'], 'to'));
    case 'drain':
      return await drain(node);
    case 'undrain':
      return undrain(node);
    case 'paths':
      return pathsReport(node, optionalText(fields['peer'], 'peer'));
    case 'netcheck':
      return netcheckReport(node);
    case 'ping':
      return await ping(node, pingRequest(fields));
    case 'uplinks':
      return uplinksReport(node);
    default:
      throw new TwinspanError('TS_REQUEST_INVALID', `There is no method '${method}'.`);
  }
}

function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new TwinspanError('TS_REQUEST_INVALID', `'${name}' is text.`);
}

function pingRequest(fields: Record<string, unknown>): PingRequest {
  const { node } = fields;
  if (typeof node !== 'string')
    throw new TwinspanError('TS_REQUEST_INVALID', 'ping wants the name of a node.');
  const path = optionalText(fields['path'], 'path');
  const uplink = optionalText(fields['uplink'], 'uplink');
  return { node, ...(path !== undefined && { path }), ...(uplink !== undefined && { uplink }) };
}

function explainRequest(fields: Record<string, unknown>): ExplainRequest {
  const { src, dst, protocol, port } = fields;
  const known = protocol === 'tcp' || protocol === 'udp' || protocol === 'icmp';
  const portOk =
    port === undefined || (Number.isInteger(port) && (port as number) >= 0 && (port as number) < 65_536);
  if (typeof src !== 'string' || typeof dst !== 'string' || !known || !portOk) {
    throw new TwinspanError(
      'TS_REQUEST_INVALID',
      'explain wants src, dst, protocol (tcp, udp, icmp) and a port.',
    );
  }
  return { src, dst, protocol, ...(port !== undefined && { port: port as number }) };
}
