/**
 * How the EC2 API of the lab and of the tests is started: the moto server (scripts/setup-moto), with one VPC in it, by
 * moto-server.py. The AWS SDK talks to it through the endpoint http://HOST:PORT, with any credentials.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../../../../', import.meta.url);
const PYTHON = fileURLToPath(new URL('build/moto/bin/python', ROOT));
const SERVER = fileURLToPath(new URL('src/app/lab/programs/moto-server.py', ROOT));

export interface Ec2Spec {
  readonly host: string;
  /** 0: any; the program prints {"port": N} as its first line once it serves. */
  readonly port: number;
  readonly region: string;
  /** CIDR of the VPC and its one subnet. */
  readonly vpc: string;
  /** Ids of its route tables, rtb-… */
  readonly tables: readonly string[];
  readonly interfaces: readonly Ec2Interface[];
  readonly routes?: readonly { readonly table: string; readonly cidr: string; readonly interface: string }[];
  /** File that says what is wrong: deny, throttle, unavailable, slow SECONDS; empty or absent: nothing. */
  readonly faults?: string;
  /** File that gets a line of JSON for each call: when it came (ms of Unix time), what it asked for. */
  readonly calls?: string;
}

export interface Ec2Interface {
  /** eni-… */
  readonly id: string;
  readonly address: string;
  readonly mac?: string;
  readonly sourceDestCheck?: boolean;
}

/** Credentials that moto accepts, as the environment of a process that uses the SDK. */
export const EC2_ENVIRONMENT = { AWS_ACCESS_KEY_ID: 'lab', AWS_SECRET_ACCESS_KEY: 'lab' } as const;

/** Whether the moto server is installed. */
export function hasMoto(): boolean {
  return existsSync(PYTHON) && existsSync(SERVER);
}

/** The command that serves `spec`; undefined where moto is not installed (npm run setup -- moto). */
export function ec2Command(spec: Ec2Spec): string[] | undefined {
  return hasMoto() ? [PYTHON, SERVER, JSON.stringify(spec)] : undefined;
}
