import { picoEuro } from './money.ts'

/** The last receipt of `/example-session.car`, which anybody can check; a test holds the two together. */
export const exampleReceipt = {
  sequence: 1n,
  inputTokens: 10n,
  outputTokens: 20n,
  amount: picoEuro(5_000_000n),
  previous: 'bafyreifdlh55wrq6zywb4fcixseeqx6tdsvqxave5j65qouqc57hki5lte',
  /** Salted fingerprint of prompt and answer, hexadecimal. */
  transcript: 'e3255ab8032de2e0ab8376803eef598693503b6c5449e5a1dcb1ccea781538ff',
  at: 1_793_577_602_000,
} as const
