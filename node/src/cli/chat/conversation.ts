import { type PicoEuro, picoEuro } from '@hanse/protocol'

export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** What is said in an interactive chat, and what it has cost so far. */
export class Conversation {
  model: string
  #system: string | undefined
  #messages: Message[] = []
  /** The last one, and where it stands in the messages, or stood. */
  #question: { readonly content: string; readonly at: number } | undefined
  #cost = 0n
  #answers = 0

  constructor(model: string, system: string | undefined) {
    this.model = model
    this.#system = system
  }

  /** As they are sent. */
  get messages(): readonly Message[] {
    return this.#system === undefined
      ? this.#messages
      : [{ role: 'system', content: this.#system }, ...this.#messages]
  }

  get cost(): PicoEuro {
    return picoEuro(this.#cost)
  }

  get answers(): number {
    return this.#answers
  }

  set system(text: string | undefined) {
    this.#system = text
  }

  say(content: string): void {
    this.#question = { content, at: this.#messages.length }
    this.#messages.push({ role: 'user', content })
  }

  /** Also an answer that was stopped: what was said stays said. A question that got no word of answer does not. */
  hear(content: string, cost: PicoEuro | undefined): void {
    this.#cost += cost ?? 0n
    if (content === '') this.takeBack()
    else {
      this.#messages.push({ role: 'assistant', content })
      this.#answers++
    }
  }

  /** Takes the last question back, with its answer. @returns it, if there was one */
  takeBack(): string | undefined {
    if (this.#question === undefined) return undefined
    const { content, at } = this.#question
    this.#messages = this.#messages.slice(0, at)
    return content
  }

  /** Begins anew; the cost stays. */
  clear(): void {
    this.#messages = []
    this.#question = undefined
  }
}

/** A line that begins with a slash. */
export type Command =
  | { readonly name: 'help' | 'models' | 'clear' | 'retry' | 'cost' | 'receipt' | 'exit' }
  | { readonly name: 'model' | 'system' | 'save'; readonly argument: string }
  | { readonly name: 'unknown'; readonly given: string }

export const COMMANDS = {
  help: 'what can be typed here',
  model: 'NAME: go on with another model',
  models: 'models on offer, cheapest first',
  system: 'TEXT: what the model is told before the conversation; nothing when empty',
  retry: 'ask the last question again',
  clear: 'forget what was said',
  cost: 'what this conversation has cost',
  receipt: 'where the proof of the last answer is',
  save: 'FILE: write the conversation as JSON',
  exit: 'leave (or Ctrl-D)',
} as const

/** @returns `undefined` for what is no command; `//` at the beginning stands for a slash */
export function parseCommand(line: string): Command | undefined {
  const [, given = '', argument = ''] = /^\/(?!\/)(\S*)\s*(.*)$/su.exec(line) ?? []
  if (!line.startsWith('/') || line.startsWith('//')) return undefined
  switch (given) {
    case 'help':
    case 'models':
    case 'clear':
    case 'retry':
    case 'cost':
    case 'receipt':
    case 'exit':
      return { name: given }
    case 'quit':
    case 'bye':
      return { name: 'exit' }
    case 'model':
    case 'system':
    case 'save':
      return { name: given, argument: argument.trim() }
    default:
      return { name: 'unknown', given }
  }
}
