/**
 * VPC route tables as desired and as observed, and the difference as steps. Every table × destination is a *target*: it
 * shall lead to the data interface (ENI) of the active member. A route that leads elsewhere is replaced in one call, so
 * that there is no moment without it; one that is absent is created. Routes to other destinations are nobody's business.
 */
export interface VpcDesired {
  /** The active member's network interface, eni-…. */
  readonly eni: string;
  readonly tables: readonly string[];
  /** Destinations in CIDR notation, as EC2 prints them. */
  readonly cidrs: readonly string[];
}

/** A route as EC2 describes it. */
export interface VpcRoute {
  readonly cidr: string;
  /** eni-…, igw-…, local …; undefined where EC2 names none. */
  readonly target: string | undefined;
  readonly state: 'active' | 'blackhole';
  /** Learnt from a virtual private gateway: it stands beside a static route and loses to it. */
  readonly propagated: boolean;
}

/** Routes by table; a table that does not exist is absent. */
export type VpcObserved = ReadonlyMap<string, readonly VpcRoute[]>;

export interface VpcStep {
  readonly kind: 'replace' | 'create';
  readonly table: string;
  readonly cidr: string;
  readonly eni: string;
  readonly why: string;
}

/** What no call to EC2 can mend. */
export interface VpcProblem {
  readonly kind: 'table-missing' | 'blackhole';
  readonly table: string;
  readonly cidr: string;
}

export interface VpcPlan {
  readonly steps: readonly VpcStep[];
  readonly problems: readonly VpcProblem[];
}

/** The steps from `observed` to `desired`; none where nothing differs. */
export function planVpc(desired: VpcDesired, observed: VpcObserved): VpcPlan {
  const steps: VpcStep[] = [];
  const problems: VpcProblem[] = [];
  const { eni } = desired;
  for (const table of desired.tables) {
    const routes = observed.get(table);
    for (const cidr of desired.cidrs) {
      if (routes === undefined) {
        problems.push({ kind: 'table-missing', table, cidr });
        continue;
      }
      const route = routes.find((candidate) => candidate.cidr === cidr && !candidate.propagated);
      if (route === undefined) steps.push({ kind: 'create', table, cidr, eni, why: 'route is missing' });
      else if (route.target !== eni) {
        const state = route.state === 'blackhole' ? ' (blackhole)' : '';
        const why = `route leads to ${route.target ?? 'nothing'}${state}`;
        steps.push({ kind: 'replace', table, cidr, eni, why });
      } else if (route.state === 'blackhole') problems.push({ kind: 'blackhole', table, cidr });
    }
  }
  return { steps, problems };
}

/** The EC2 calls that are used, by the names of their permissions. */
export const EC2_ACTIONS = {
  replace: 'ec2:ReplaceRoute',
  create: 'ec2:CreateRoute',
  describe: 'ec2:DescribeRouteTables',
  interfaces: 'ec2:DescribeNetworkInterfaces',
} as const;

/** The IAM statements that grant everything that is used, as JSON; the missing one is among them. */
export function iamStatements(region: string | undefined, tables: readonly string[]): string {
  const resources = tables.map((table) => `arn:aws:ec2:${region ?? '*'}:*:route-table/${table}`);
  return JSON.stringify([
    { Effect: 'Allow', Action: [EC2_ACTIONS.replace, EC2_ACTIONS.create], Resource: resources },
    { Effect: 'Allow', Action: [EC2_ACTIONS.describe, EC2_ACTIONS.interfaces], Resource: '*' },
  ]);
}

/** What a refusal of EC2 means for the caller. */
export type Refusal =
  | 'route-absent'
  | 'route-exists'
  | 'table-missing'
  | 'eni-missing'
  | 'denied'
  | 'throttled'
  | 'unreachable'
  | 'other';

const CODES: Readonly<Record<string, Refusal>> = {
  'InvalidRoute.NotFound': 'route-absent',
  RouteAlreadyExists: 'route-exists',
  'InvalidRouteTableID.NotFound': 'table-missing',
  'InvalidRouteTableId.Malformed': 'table-missing',
  'InvalidNetworkInterfaceID.NotFound': 'eni-missing',
  'InvalidNetworkInterfaceId.NotFound': 'eni-missing',
  UnauthorizedOperation: 'denied',
  AccessDenied: 'denied',
  AccessDeniedException: 'denied',
  AuthFailure: 'denied',
  ExpiredToken: 'denied',
  InvalidClientTokenId: 'denied',
  OptInRequired: 'denied',
  CredentialsProviderError: 'denied',
  RequestLimitExceeded: 'throttled',
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  Unavailable: 'unreachable',
  InternalError: 'unreachable',
  ServiceUnavailable: 'unreachable',
  Unreachable: 'unreachable',
  TimeoutError: 'unreachable',
};

/** Sorts an EC2 error by its code, and where EC2 is vague by its message. */
export function classifyRefusal(code: string, message: string): Refusal {
  // ReplaceRoute says InvalidParameterValue where there is nothing to replace.
  if (code === 'InvalidParameterValue' && /no route defined/i.test(message)) return 'route-absent';
  return CODES[code] ?? 'other';
}
