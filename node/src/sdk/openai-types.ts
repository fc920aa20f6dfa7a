/**
 * The part of OpenAI's types that every program needs. What is not named here passes through all the same, in requests and
 * in answers. Types of other libraries are taken, too: they have no index signature, so where they may come only what is
 * needed is asked for.
 */

/** A part of a message that is not only text. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'image_url'
      readonly image_url: { readonly url: string; readonly detail?: string }
    }
  | { readonly type: string; readonly [field: string]: unknown }

export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool'
  readonly content?: string | readonly ContentPart[] | null
  readonly tool_calls?: readonly ToolCall[]
  /** Of a `tool` message: the call that it answers. */
  readonly tool_call_id?: string
  readonly [field: string]: unknown
}

export interface ChatTool {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string
    /** JSON Schema. */
    readonly parameters?: object
    readonly strict?: boolean | null
  }
}

export interface ChatRequest {
  /** Id or alias of a model on offer. */
  readonly model: string
  readonly messages: readonly (ChatMessage | { readonly role: string })[]
  readonly max_tokens?: number | null
  readonly max_completion_tokens?: number | null
  readonly temperature?: number | null
  readonly top_p?: number | null
  readonly stop?: string | readonly string[] | null
  readonly seed?: number | null
  /** Answers to give at once, each with sessions and receipts of its own. */
  readonly n?: number | null
  readonly tools?: readonly (ChatTool | { readonly type: string })[]
  readonly tool_choice?: unknown
  readonly response_format?: { readonly type: string }
  readonly [field: string]: unknown
}

export interface CompletionRequest {
  readonly model: string
  readonly prompt: string | readonly number[]
  readonly max_tokens?: number | null
  readonly [field: string]: unknown
}

export interface EmbeddingRequest {
  readonly model: string
  readonly input: string | readonly string[] | readonly number[] | readonly (readonly number[])[]
  readonly [field: string]: unknown
}

export interface ToolCall {
  readonly id?: string
  readonly type?: string
  readonly function?: { readonly name?: string; readonly arguments?: string }
}

interface Head {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
  readonly [field: string]: unknown
}

export interface ChatChunk extends Head {
  readonly object: 'chat.completion.chunk'
  readonly choices: readonly {
    readonly index: number
    readonly delta: {
      readonly role?: string
      readonly content?: string | null
      readonly tool_calls?: readonly (ToolCall & { readonly index: number })[]
      readonly [field: string]: unknown
    }
    readonly finish_reason: string | null
    readonly [field: string]: unknown
  }[]
}

export interface ChatAnswer extends Head {
  readonly object: 'chat.completion'
  readonly choices: readonly {
    readonly index: number
    readonly message: {
      readonly role: string
      readonly content: string | null
      readonly tool_calls?: readonly ToolCall[]
      readonly [field: string]: unknown
    }
    readonly finish_reason: string
    readonly [field: string]: unknown
  }[]
  readonly usage: Usage
}

export interface CompletionChunk extends Head {
  readonly object: 'text_completion'
  readonly choices: readonly {
    readonly index: number
    readonly text: string
    readonly finish_reason: string | null
    readonly [field: string]: unknown
  }[]
}

export interface CompletionAnswer extends CompletionChunk {
  readonly usage: Usage
}

export interface EmbeddingAnswer {
  readonly object: 'list'
  readonly model: string
  readonly data: readonly {
    readonly object: 'embedding'
    readonly index: number
    readonly embedding: readonly number[]
  }[]
  readonly usage: Usage
}

export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  /** What was paid, euro. The bill has it exactly. */
  readonly cost: number
  readonly [field: string]: unknown
}

/** A model on the market, as OpenRouter lists them, with what only this market knows. Prices are in euro. */
export interface ModelEntry {
  readonly id: string
  readonly object: 'model'
  readonly context_length: number
  /** Euro per token, decimals. */
  readonly pricing: { readonly prompt: string; readonly completion: string }
  readonly hanse: {
    readonly offers: number
    readonly countries: readonly string[]
    readonly aliases: readonly string[]
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}
