/**
 * What the paths of a peer ask for, besides packets to send. Events are news: each names the path, and says why in words
 * that can go to a log as they are.
 */
import type { PathState } from './health.js';

export type PathEvent =
  /** The path is known from now on: to be sent to, and shown. */
  | { readonly kind: 'added'; readonly path: number }
  | { readonly kind: 'removed'; readonly path: number; readonly why: string }
  | {
      readonly kind: 'state';
      readonly path: number;
      readonly from: PathState;
      readonly to: PathState;
      readonly why: string;
    }
  /** Traffic goes by this path now; undefined = by none. */
  | {
      readonly kind: 'use';
      readonly path: number | undefined;
      readonly from: number | undefined;
      readonly why: string;
    }
  /** Its endpoint record has changed: the peer has moved, or its name has resolved to something else. */
  | { readonly kind: 'moved'; readonly path: number; readonly why: string }
  /** The path carries larger or only smaller inner packets, in bytes. */
  | {
      readonly kind: 'mtu';
      readonly path: number;
      readonly from: number;
      readonly to: number;
      readonly why: string;
    }
  /** Wanted: a new source port for this path; `handleRedialled` tells its socket. */
  | { readonly kind: 'redial'; readonly path: number; readonly attempt: number }
  /** Wanted: what this name resolves to now; `setTopology` tells it. */
  | { readonly kind: 'resolve'; readonly key: string };
