import type { NodeStore } from '../store/node-store.ts'

/** What a consumer must not forget, in whatever keeps it: a database of a node, or the memory of a page. */
export type ConsumerStore = Pick<
  NodeStore,
  | 'putOffer'
  | 'committed'
  | 'putRound'
  | 'beginSession'
  | 'setAcceptance'
  | 'putOpening'
  | 'saveReceipt'
  | 'endSession'
  | 'putAuthorization'
  | 'authorizations'
  | 'spentUnder'
  | 'evidence'
>
