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
