// Files as the tools of others write them, after their public documentation. Each has PLANTED where a prompt would be.

export const PLANTED = 'PLANTED-the-patient-is-called-Erika-Mustermann'

const text = (key: string, value: string) => ({ key, value: { stringValue: value } })
const int = (key: string, value: string | number) => ({ key, value: { intValue: value } })

/** OTLP/JSON of an exporter: one request by today's names, one by those of before, and spans that are no requests. */
export const OTLP = {
  resourceSpans: [
    {
      resource: {
        attributes: [text('service.name', 'shop'), text('deployment.environment.name', 'prod')],
      },
      scopeSpans: [
        {
          scope: { name: 'hanse', version: '1.0.0' },
          spans: [
            {
              traceId: '5B8EFFF798038103D269B633813FC60C',
              spanId: 'EEE19B7EC3C1B174',
              name: 'chat gpt-4o',
              kind: 3,
              startTimeUnixNano: '1793500000123456789',
              endTimeUnixNano: '1793500001000000000',
              attributes: [
                text('gen_ai.operation.name', 'chat'),
                text('gen_ai.provider.name', 'openai'),
                text('gen_ai.request.model', 'gpt-4o'),
                text('gen_ai.response.model', 'gpt-4o-2024-08-06'),
                int('gen_ai.usage.input_tokens', '1200'),
                int('gen_ai.usage.cache_read.input_tokens', 200),
                int('gen_ai.usage.output_tokens', 40),
                int('gen_ai.usage.reasoning.output_tokens', 8),
                text('gen_ai.input.messages', `[{"role":"user","content":"${PLANTED}"}]`),
                text('gen_ai.prompt.0.content', PLANTED),
                {
                  key: 'gen_ai.output.messages',
                  value: { arrayValue: { values: [text('x', PLANTED)] } },
                },
              ],
              events: [
                { name: 'gen_ai.content.prompt', attributes: [text('gen_ai.prompt', PLANTED)] },
              ],
              status: { code: 1, message: PLANTED },
            },
            {
              traceId: '5b8efff798038103d269b633813fc60c',
              spanId: 'eee19b7ec3c1b175',
              name: 'chat claude',
              kind: 'SPAN_KIND_CLIENT',
              startTimeUnixNano: 1793500002000000000n.toString(),
              attributes: [
                text('gen_ai.system', 'anthropic'),
                text('gen_ai.request.model', 'claude-sonnet-4-5'),
                int('gen_ai.usage.prompt_tokens', 300),
                int('gen_ai.usage.completion_tokens', 20),
              ],
            },
            {
              traceId: '5b8efff798038103d269b633813fc60c',
              spanId: 'eee19b7ec3c1b176',
              name: 'invoke_agent',
              kind: 1,
              startTimeUnixNano: '1793500002000000000',
              attributes: [
                text('gen_ai.operation.name', 'invoke_agent'),
                int('gen_ai.usage.input_tokens', 1500),
              ],
            },
            {
              traceId: '5b8efff798038103d269b633813fc60c',
              spanId: 'eee19b7ec3c1b177',
              name: 'POST /v1/chat/completions',
              kind: 2,
              startTimeUnixNano: '1793500002000000000',
              attributes: [text('http.route', '/v1/chat/completions')],
            },
          ],
        },
      ],
    },
  ],
}

export const LITELLM = [
  {
    request_id: 'chatcmpl-9f1',
    call_type: 'acompletion',
    api_key: '88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b',
    spend: 0.000012345,
    total_tokens: 150,
    prompt_tokens: 130,
    completion_tokens: 20,
    startTime: '2026-10-20T08:15:30.123000Z',
    endTime: '2026-10-20T08:15:31.000000Z',
    model: 'azure/gpt-4o',
    custom_llm_provider: 'azure',
    api_base: 'https://example.invalid/',
    user: 'dev@shop',
    end_user: 'customer-7',
    team_id: 'checkout',
    cache_hit: 'False',
    request_tags: '["jobID:214", "nightly"]',
    metadata: JSON.stringify({
      usage_object: { prompt_tokens_details: { cached_tokens: 30 } },
      requester_metadata: { note: PLANTED },
    }),
    messages: [{ role: 'user', content: PLANTED }],
    response: { choices: [{ message: { content: PLANTED } }] },
    proxy_server_request: { body: PLANTED },
  },
  {
    request_id: 'chatcmpl-9f2',
    spend: 0,
    prompt_tokens: 10,
    completion_tokens: 1,
    startTime: '2026-10-20 08:16:00',
    model: 'house-model',
    cache_hit: '',
    request_tags: [],
  },
]

/** What LiteLLM's loggers write to storage: the same request's other form, one from Anthropic, and one that failed. */
export const LITELLM_PAYLOADS = [
  {
    id: 'chatcmpl-7a1',
    trace_id: '0f5a',
    call_type: 'acompletion',
    status: 'success',
    response_cost: 0.00021,
    custom_llm_provider: 'anthropic',
    model: 'claude-sonnet-4-5',
    prompt_tokens: 1700,
    completion_tokens: 40,
    total_tokens: 1740,
    startTime: 1792484130.123,
    endTime: 1792484131.5,
    cache_hit: null,
    end_user: '',
    request_tags: ['team:search', 'User-Agent: OpenAI', 'User-Agent: OpenAI/Python 2.1.0'],
    metadata: {
      user_api_key_hash: 'b1946ac92492d2347c6235b4d2611184',
      user_api_key_team_id: 'checkout',
      user_api_key_user_id: 'dev-3',
      requester_metadata: { note: PLANTED },
      usage_object: {
        prompt_tokens: 1700,
        cache_read_input_tokens: 500,
        cache_creation_input_tokens: 1000,
        prompt_tokens_details: {
          cached_tokens: 500,
          cache_creation_tokens: 1000,
          cache_creation_token_details: {
            ephemeral_5m_input_tokens: 400,
            ephemeral_1h_input_tokens: 600,
          },
        },
        completion_tokens_details: { reasoning_tokens: 12 },
      },
    },
    messages: [{ role: 'user', content: PLANTED }],
    response: { choices: [{ message: { content: PLANTED } }] },
  },
  {
    id: 'chatcmpl-7a2',
    status: 'success',
    response_cost: 0.001,
    custom_llm_provider: 'together_ai',
    model: 'meta-llama/Llama-3.3-70B-Instruct-Turbo',
    prompt_tokens: 5,
    completion_tokens: 6,
    startTime: 1792484140.5,
    request_tags: [],
  },
  {
    id: 'chatcmpl-7a3',
    status: 'failure',
    response_cost: 0,
    model: '',
    prompt_tokens: 0,
    completion_tokens: 0,
    startTime: 1792484150,
    error_str: PLANTED,
  },
]

/** Rows of Langfuse's export to blob storage: two requests, one that no price was known for, and what is no request. */
export const LANGFUSE = [
  {
    id: 'b7ad6b7169203331',
    trace_id: '0af7651916cd43dd8448eb211c80319c',
    project_id: 'cm1',
    environment: 'production',
    type: 'GENERATION',
    parent_observation_id: '',
    start_time: '2026-10-20 08:15:30.123000',
    end_time: '2026-10-20 08:15:31.000000',
    name: 'answer',
    metadata: { ls_provider: 'anthropic', note: PLANTED },
    level: 'DEFAULT',
    input: JSON.stringify([{ role: 'user', content: PLANTED }]),
    output: PLANTED,
    provided_model_name: 'claude-sonnet-4-5',
    model_parameters: '{"temperature":0.7}',
    usage_details: {
      input: 100,
      input_cached_tokens: 20,
      input_cache_creation_5m: 30,
      input_cache_creation_1h: 7,
      output: 40,
      output_reasoning_tokens: 5,
      total: 202,
    },
    cost_details: { input: 0.001, output: 0.0006, total: 0.0016 },
    total_cost: 0.0016,
    user_id: 'customer-7',
    session_id: 's-1',
    tags: ['team:checkout', 'nightly'],
    tool_calls: [PLANTED],
  },
  {
    id: 'b7ad6b7169203332',
    trace_id: '0af7651916cd43dd8448eb211c80319c',
    environment: 'default',
    type: 'EMBEDDING',
    start_time: '2026-10-20 08:15:29.000000',
    metadata: {},
    provided_model_name: 'openai/text-embedding-3-small',
    usage_details: { input: 8, total: 8, images: 2 },
    cost_details: {},
    total_cost: 0,
    user_id: '',
    tags: [],
  },
  {
    id: 'b7ad6b7169203333',
    trace_id: '0af7651916cd43dd8448eb211c80319c',
    type: 'AGENT',
    start_time: '2026-10-20 08:15:28.000000',
    provided_model_name: 'claude-sonnet-4-5',
    usage_details: { input: 108, output: 40, total: 148 },
    total_cost: 0.0016,
    input: PLANTED,
  },
  {
    id: 'b7ad6b7169203334',
    trace_id: '0af7651916cd43dd8448eb211c80319c',
    type: 'GENERATION',
    level: 'ERROR',
    status_message: PLANTED,
    start_time: '2026-10-20 08:15:28.000000',
    provided_model_name: 'gpt-4o',
    usage_details: {},
    total_cost: null,
  },
]

/** A page of Langfuse's API, by its names: the first of the rows above. */
export const LANGFUSE_PAGE = {
  data: [
    {
      id: 'b7ad6b7169203331',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      type: 'GENERATION',
      environment: 'production',
      startTime: '2026-10-20T08:15:30.123Z',
      endTime: '2026-10-20T08:15:31.000Z',
      metadata: { ls_provider: 'anthropic' },
      model: 'claude-sonnet-4-5',
      usageDetails: LANGFUSE[0]?.usage_details,
      costDetails: { input: 0.001, output: 0.0006 },
      totalCost: 0.0016,
      userId: 'customer-7',
      tags: ['team:checkout', 'nightly'],
      input: PLANTED,
    },
  ],
  meta: { cursor: 'eyJ2' },
}

/** Requests of Helicone: a good one, one without a price, one out of its cache, and one that was refused. */
export const HELICONE = [
  {
    response_id: '3a9d',
    response_created_at: '2026-10-20T08:15:31.000Z',
    response_body: { choices: [{ message: { content: PLANTED } }] },
    response_status: 200,
    response_model: 'claude-sonnet-4-5-20250929',
    request_id: '0c1a7f5e-7d5f-4b44-9d55-6a2f0f6d2b11',
    request_created_at: '2026-10-20 08:15:30.123',
    request_body: { messages: [{ role: 'user', content: PLANTED }] },
    request_path: '/v1/messages',
    request_user_id: 'customer-7',
    request_properties: { team: 'checkout', 'Helicone-Session-Id': 's-1' },
    request_model: 'claude-sonnet-4-5',
    model_override: null,
    provider: 'ANTHROPIC',
    delay_ms: 900,
    total_tokens: 140,
    prompt_tokens: 100,
    prompt_cache_read_tokens: 20,
    prompt_cache_write_tokens: 30,
    completion_tokens: 40,
    reasoning_tokens: 5,
    cost: 0.00162,
    cache_reference_id: '00000000-0000-0000-0000-000000000000',
    signed_body_url: `https://example.invalid/${PLANTED}`,
    model: 'claude-sonnet-4-5',
  },
  {
    response_status: 200,
    response_model: null,
    request_id: '0c1a7f5e-7d5f-4b44-9d55-6a2f0f6d2b12',
    request_created_at: '2026-10-20T08:16:00Z',
    request_model: 'house-model',
    provider: 'CUSTOM',
    prompt_tokens: 10,
    completion_tokens: 1,
    cost: 0,
    properties: {},
  },
  {
    response_status: 200,
    request_id: '0c1a7f5e-7d5f-4b44-9d55-6a2f0f6d2b13',
    request_created_at: '2026-10-20T08:17:00Z',
    model: 'gpt-4o',
    provider: 'OPENAI',
    prompt_tokens: 0,
    completion_tokens: 0,
    cost: 0,
    cache_reference_id: '0c1a7f5e-7d5f-4b44-9d55-6a2f0f6d2b11',
  },
  {
    response_status: -3,
    request_id: '0c1a7f5e-7d5f-4b44-9d55-6a2f0f6d2b14',
    request_created_at: '2026-10-20T08:18:00Z',
    model: 'gpt-4o',
    provider: 'OPENAI',
    prompt_tokens: null,
    completion_tokens: null,
    cost: null,
  },
]

export const OPENAI = {
  object: 'page',
  data: [
    {
      object: 'bucket',
      start_time: 1792800000,
      end_time: 1792886400,
      results: [
        {
          object: 'organization.usage.completions.result',
          input_tokens: 5000,
          input_cached_tokens: 4000,
          output_tokens: 1000,
          input_audio_tokens: 12,
          output_audio_tokens: 0,
          num_model_requests: 20,
          project_id: 'proj_abc',
          user_id: null,
          api_key_id: 'key_1',
          model: 'gpt-4o-mini-2024-07-18',
          batch: true,
          service_tier: null,
        },
        {
          object: 'organization.usage.embeddings.result',
          input_tokens: 700,
          num_model_requests: 7,
          project_id: 'proj_abc',
          model: 'text-embedding-3-small',
        },
      ],
    },
    {
      object: 'bucket',
      start_time: 1893456000,
      end_time: 1893542400,
      results: [
        {
          object: 'organization.usage.completions.result',
          input_tokens: 1,
          output_tokens: 1,
          num_model_requests: 1,
        },
      ],
    },
  ],
  has_more: false,
  next_page: null,
}

export const ANTHROPIC = {
  data: [
    {
      starting_at: '2026-10-20T00:00:00Z',
      ending_at: '2026-10-21T00:00:00Z',
      results: [
        {
          uncached_input_tokens: 1500,
          cache_creation: { ephemeral_1h_input_tokens: 1000, ephemeral_5m_input_tokens: 500 },
          cache_read_input_tokens: 200,
          output_tokens: 500,
          server_tool_use: { web_search_requests: 10 },
          api_key_id: 'apikey_01Rj',
          workspace_id: 'wrkspc_01Jw',
          model: 'claude-sonnet-4-5',
          service_tier: 'standard',
          context_window: '0-200k',
        },
      ],
    },
  ],
  has_more: false,
  next_page: null,
}

export const AZURE = `\uFEFFInvoiceSectionName,SubscriptionId,Date,MeterCategory,MeterSubCategory,MeterId,MeterName,UnitOfMeasure,Quantity,CostInBillingCurrency,BillingCurrencyCode,ResourceId,Tags,ChargeType
IT,sub-1,10/20/2026,Foundry Models,Azure OpenAI,m-1,gpt-4o-0806-Inp-glbl Tokens,1K,12.5,0.0275,EUR,/subscriptions/sub-1/x,"""team"": ""checkout"",""env"":""prod""",Usage
IT,sub-1,10/20/2026,Foundry Models,Azure OpenAI,m-2,gpt-4o-0806-Outp-glbl Tokens,1K,1.001,0.00895,EUR,/subscriptions/sub-1/x,,Usage
IT,sub-1,10/20/2026,Foundry Models,Azure OpenAI,m-4,gpt 4.1 cached Inp regnl Tokens,1M,0.5,0.2,EUR,/subscriptions/sub-1/x,,Usage
IT,sub-1,10/20/2026,Storage,Blob,m-3,LRS Data Stored,1 GB/Month,1,0.02,EUR,/subscriptions/sub-1/y,,Usage
`

export const AWS = `identity/LineItemId,identity/TimeInterval,lineItem/UsageAccountId,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/ProductCode,lineItem/UsageType,lineItem/Operation,lineItem/UsageAmount,lineItem/CurrencyCode,lineItem/UnblendedCost,pricing/unit,resourceTags/user:team
l1,2026-10-20T00:00:00Z/2026-10-20T01:00:00Z,1234,Usage,2026-10-20T00:00:00Z,AmazonBedrock,EUC1-Claude3.5Sonnet-input-tokens,InvokeModelInference,12.345,USD,0.037035,1K tokens,checkout
l2,2026-10-20T00:00:00Z/2026-10-20T01:00:00Z,1234,Usage,2026-10-20T00:00:00Z,AmazonBedrock,EUC1-Claude3.5Sonnet-output-tokens,InvokeModelInference,2,USD,0.03,1K tokens,
l3,2026-10-20T00:00:00Z/2026-10-20T01:00:00Z,1234,Usage,2026-10-20T00:00:00Z,AmazonBedrock,EUC1-NovaPro-cache-read-input-token-count,InvokeModelInference,3,USD,0.0006,1K tokens,
l4,2026-10-20T00:00:00Z/2026-10-20T01:00:00Z,1234,Usage,2026-10-20T00:00:00Z,AmazonS3,EUC1-TimedStorage-ByteHrs,StandardStorage,5,USD,0.1,GB-Mo,
`
