import { writeFile } from 'node:fs/promises'
import { ERRORS, formatEuro, HanseError } from '@hanse/protocol'
import type { GatewayAccess } from '../gateway-client.ts'
import { paint, table } from '../output.ts'
import { clean } from '../terminal-text.ts'
import { answerLine } from './answer-line.ts'
import { AnswerPrinter } from './answer-printer.ts'
import { COMMANDS, type Command, Conversation, parseCommand } from './conversation.ts'
import { LineReader } from './line-reader.ts'
import { marketModels, modelRow } from './market-models.ts'
import { type StreamedAnswer, streamChat } from './stream-chat.ts'

export interface TerminalChatOptions {
  readonly access: GatewayAccess
  readonly model: string
  readonly system: string | undefined
  /** Sampling and limits, as the OpenAI API names them. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** How requests want to be served. */
  readonly headers: Readonly<Record<string, string>>
  readonly now: () => number
}

/** A conversation at a terminal: Ctrl-C stops an answer, takes back what is typed, and at an empty prompt leaves. */
export async function chatAtTerminal(options: TerminalChatOptions): Promise<void> {
  const chat = new TerminalChat(options)
  await chat.run()
}

class TerminalChat {
  readonly #options: TerminalChatOptions
  readonly #conversation: Conversation
  readonly #lines: LineReader
  #answering: AbortController | undefined
  #last: StreamedAnswer | undefined
  #isLeaving = false

  constructor(options: TerminalChatOptions) {
    this.#options = options
    this.#conversation = new Conversation(options.model, options.system)
    this.#lines = new LineReader({
      completer: completed,
      onInterrupt: () => {
        if (this.#answering !== undefined) this.#answering.abort()
        else if (!this.#lines.clear()) this.#leave()
      },
      onClose: () => this.#leave(),
    })
  }

  async run(): Promise<void> {
    console.log(paint('dim', `${clean(this.#conversation.model)}; /help for what can be typed`))
    try {
      while (!this.#isLeaving) {
        const text = await this.#read()
        if (text === undefined) {
          // Below the prompt.
          console.log('')
          break
        }
        const command = parseCommand(text)
        if (command?.name === 'exit') break
        await (command === undefined ? this.#ask(text.replace(/^\/\//u, '/')) : this.#obey(command))
      }
    } finally {
      this.#lines[Symbol.dispose]()
    }
    this.#tellCost()
  }

  #leave(): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    this.#answering?.abort()
    this.#lines[Symbol.dispose]()
  }

  /** One line, or several of which each but the last ends in a backslash. */
  async #read(): Promise<string | undefined> {
    let text = ''
    for (;;) {
      const line = await this.#lines.next(text === '' ? '> ' : '… ')
      if (line === undefined) return undefined
      if (line.endsWith('\\')) text += `${line.slice(0, -1)}\n`
      else if ((text + line).trim() !== '') return text + line
      else text = ''
    }
  }

  async #obey(command: Command): Promise<void> {
    const conversation = this.#conversation
    switch (command.name) {
      case 'help':
        console.log(table(Object.entries(COMMANDS).map(([name, what]) => [`  /${name}`, what])))
        console.log('  A line that ends in \\ goes on in the next one; what is pasted is one text.')
        return
      case 'models': {
        const head = ['MODEL', 'IN', 'OUT', 'OFFERS', 'COUNTRIES']
        const models = await this.#try(async () => await marketModels(this.#options.access))
        if (models !== undefined) console.log(table([head, ...models.map(modelRow)]))
        return
      }
      case 'model':
        if (command.argument !== '') conversation.model = command.argument
        console.log(paint('dim', `the model is ${clean(conversation.model)}`))
        return
      case 'system':
        conversation.system = command.argument === '' ? undefined : command.argument
        return
      case 'clear':
        conversation.clear()
        return
      case 'retry': {
        const question = conversation.takeBack()
        if (question === undefined) console.log(paint('yellow', 'nothing was asked yet'))
        else await this.#ask(question)
        return
      }
      case 'cost':
        this.#tellCost()
        return
      case 'receipt':
        this.#tellReceipt()
        return
      case 'save':
        await this.#save(command.argument)
        return
      case 'exit':
        return
      case 'unknown':
        console.log(paint('yellow', `/${clean(command.given)} is no command; see /help`))
    }
  }

  async #ask(question: string): Promise<void> {
    const { access, parameters, headers, now } = this.#options
    const conversation = this.#conversation
    conversation.say(question)
    const stop = new AbortController()
    this.#answering = stop
    const { stdout } = process
    const printer = new AnswerPrinter({ text: stdout, thoughts: stdout })
    try {
      const { model, messages } = conversation
      const answer = await streamChat(
        access,
        { ...parameters, model, messages },
        {
          signal: stop.signal,
          headers,
          now,
          onText: printer.text,
          onReasoning: printer.thought,
        },
      )
      printer.stopThinking()
      this.#last = answer
      conversation.hear(answer.text, answer.cost)
      console.log('')
      if (answer.fault !== undefined) tellFault(answer.fault, stop.signal)
      console.log(paint('dim', answerLine(answer)))
    } catch (error) {
      if (!(error instanceof HanseError)) throw error
      // Nobody answered it, so it is not part of the conversation.
      conversation.takeBack()
      tellFault(error, stop.signal)
    } finally {
      this.#answering = undefined
    }
  }

  async #save(path: string): Promise<void> {
    if (path === '') {
      console.log(paint('yellow', 'name a file: /save chat.json'))
      return
    }
    const { model, messages } = this.#conversation
    await this.#try(async () => {
      // Never over another file, and for its owner alone: it is a conversation.
      await writeFile(path, `${JSON.stringify({ model, messages }, null, 2)}\n`, {
        flag: 'wx',
        mode: 0o600,
      })
      console.log(paint('dim', `written to ${path}`))
    })
  }

  async #try<Result>(run: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await run()
    } catch (error) {
      console.log(paint('red', error instanceof Error ? error.message : String(error)))
      return undefined
    }
  }

  #tellCost(): void {
    const { answers, cost } = this.#conversation
    if (answers > 0)
      console.log(
        paint('dim', `${answers} answer${answers === 1 ? '' : 's'} for ${formatEuro(cost)}`),
      )
  }

  #tellReceipt(): void {
    if (this.#last === undefined) console.log(paint('yellow', 'nothing was answered yet'))
    else console.log(`hanse receipts show ${this.#last.session}`)
  }
}

function tellFault({ message, code }: HanseError, signal: AbortSignal): void {
  if (signal.aborted) console.log(paint('yellow', 'stopped'))
  else console.log(`${paint('red', message)} (${code})\n${ERRORS[code].advice}`)
}

function completed(line: string): [string[], string] {
  const names = Object.keys(COMMANDS).map((name) => `/${name}`)
  return [names.filter((name) => name.startsWith(line)), line]
}
