import { hkdfSync } from 'node:crypto'
import { commit, commitPrompt, EMPTY_TRANSCRIPT, extendTranscript } from '@hanse/protocol'
import { PROMPT, SECRET, toHex } from '@hanse/protocol/testing'

/** Deltas of an answer, one receipt after each. */
const PAYLOADS = ['chunk 0', 'chunk 1', '', '{"choices":[{"delta":{"content":"é"}}]}']

export function commitmentsFile() {
  let state = EMPTY_TRANSCRIPT
  return {
    about:
      'Commitments of one session. A salt is HKDF-SHA-256 of the secret, without a salt of its own, with `info`; the ' +
      'commitment is SHA-256 of "hanse/v1/commitment", the salt and the digest. `transcript` has a step for each payload: ' +
      'the state after it, and what a receipt of that number would say.',
    secret: toHex(SECRET),
    prompt: {
      body: toHex(PROMPT),
      info: 'hanse/v1/salt/prompt',
      salt: saltOf('hanse/v1/salt/prompt'),
      commitment: toHex(commitPrompt(SECRET, PROMPT)),
    },
    transcript: PAYLOADS.map((text, i) => {
      const payload = new TextEncoder().encode(text)
      state = extendTranscript(state, payload)
      const info = `hanse/v1/salt/receipt/${i}`
      return {
        payload: toHex(payload),
        state: toHex(state),
        info,
        salt: saltOf(info),
        commitment: toHex(commit(SECRET, { receipt: BigInt(i) }, state)),
      }
    }),
  }
}

/** By the platform's HKDF, beside the protocol's own. */
function saltOf(info: string): string {
  return toHex(new Uint8Array(hkdfSync('sha256', SECRET, new Uint8Array(0), info, 32)))
}
