/** EC2 as the VPC updater needs it. The real one (open-ec2.ts) and the one in memory (fake-ec2.ts) stand beside it. */
import type { VpcAnswer, VpcCall } from '../../core/plan/vpc-updater.js';

export interface Ec2 {
  /** Makes one call, once. Never rejects: what goes wrong is an answer, a call that takes too long among it. */
  run(call: VpcCall): Promise<VpcAnswer>;
  close(): Promise<void>;
}

export interface Ec2Options {
  /** Undefined: by the SDK's own chain. */
  readonly region: string | undefined;
  /** Undefined: AWS_ENDPOINT_URL, else AWS's own. */
  readonly endpoint: string | undefined;
  /** The data interface is the one with this MAC (02:…), else the only one with this private address. */
  readonly mac: string | undefined;
  readonly address: string | undefined;
  /** A call that takes longer is given up. */
  readonly timeoutMs?: number;
}

export const CALL_TIMEOUT_MS = 3_000;
