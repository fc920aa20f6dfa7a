import { paint } from '../output.ts'
import { cleanProse } from '../terminal-text.ts'

export interface PrintedTo {
  readonly text: NodeJS.WriteStream
  readonly thoughts: NodeJS.WriteStream
}

/** Prints an answer as it comes. A file gets it as it is, a terminal nothing that moves its cursor or colours it. */
export class AnswerPrinter {
  readonly #to: PrintedTo
  #isThinking = false

  constructor(to: PrintedTo) {
    this.#to = to
  }

  readonly text = (text: string): void => {
    this.stopThinking()
    const { text: stream } = this.#to
    stream.write(stream.isTTY ? cleanProse(text) : text)
  }

  /** Dim, and set apart from the answer that follows it. */
  readonly thought = (text: string): void => {
    this.#isThinking = true
    const { thoughts } = this.#to
    thoughts.write(paint('dim', thoughts.isTTY ? cleanProse(text) : text, thoughts))
  }

  stopThinking(): void {
    if (this.#isThinking) this.#to.thoughts.write('\n\n')
    this.#isThinking = false
  }
}
