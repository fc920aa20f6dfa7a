import { ApiError } from './api.ts'

/** Whoever is signed in shows once more who they are, while what they wanted waits. */
class Proving {
  asked = $state.raw<{ readonly done: () => void; readonly refused: () => void }>()
  #question: Promise<void> | undefined

  /** Does what wants a proof that is not old: where it is, the person is asked, and it is done again. */
  async fresh<Value>(send: () => Promise<Value>): Promise<Value> {
    try {
      return await send()
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'HANSE_SIGN_IN_AGAIN') throw error
      await this.ask()
      return await send()
    }
  }

  /** Whoever asks while a question is open waits for the same answer. @throws {ProofRefused} */
  ask(): Promise<void> {
    this.#question ??= new Promise<void>((resolve, reject) => {
      this.asked = { done: resolve, refused: () => reject(new ProofRefused()) }
    }).finally(() => {
      this.asked = undefined
      this.#question = undefined
    })
    return this.#question
  }
}

/** The person closed the question who they are: nothing was done, and nothing is wrong. */
export class ProofRefused extends Error {}

export const isRefusedProof = (error: unknown): boolean => error instanceof ProofRefused

export const proving = new Proving()
