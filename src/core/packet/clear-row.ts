/** A fresh row, for packets that come from this program itself and not from the addon. */
import {
  GSO_NONE,
  ROW_CSUM_OFFSET,
  ROW_CSUM_START,
  ROW_FLAGS,
  ROW_GSO_SIZE,
  ROW_GSO_TYPE,
  ROW_LENGTH,
  ROW_NAT,
  ROW_OFFSET,
  ROW_PEER,
  ROW_REASON,
  ROW_ROUTE,
  ROW_VERDICT,
  VERDICT_DROP,
} from './rows.js';

/** Row `at` (in words) describes a plain packet at `offset`, of `length` bytes, about which nothing is decided yet. */
export function clearRow(rows: Int32Array, at: number, offset: number, length: number): void {
  rows[at + ROW_OFFSET] = offset;
  rows[at + ROW_LENGTH] = length;
  rows[at + ROW_VERDICT] = VERDICT_DROP;
  rows[at + ROW_GSO_TYPE] = GSO_NONE;
  rows[at + ROW_GSO_SIZE] = 0;
  rows[at + ROW_FLAGS] = 0;
  rows[at + ROW_CSUM_START] = 0;
  rows[at + ROW_CSUM_OFFSET] = 0;
  rows[at + ROW_PEER] = -1;
  rows[at + ROW_ROUTE] = -1;
  rows[at + ROW_NAT] = -1;
  rows[at + ROW_REASON] = 0;
}
