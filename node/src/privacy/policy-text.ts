/** Changes with the text; a basis that was stated to another version has to be stated anew. */
export const POLICY_VERSION = '2026-11'

/** What for: the one purpose that this node has. */
export const PURPOSE = 'inference'

/** What a controller states a lawful basis for. */
export const POLICY_TEXT = `
Purpose "inference", version ${POLICY_VERSION}

This node sends what its users ask to inference providers on the market, and hands their answers back.

What is processed  Requests and answers, which may hold personal data; which key and user asked; the providers' peer ids.
Who receives it    The one provider that an answer comes from (or those, when several give parts of it), in the regions that
                   the node's policy allows; the settlement service, where there is one, gets receipts and no text.
Where              Only in countries that the policy allows, by the evidence that it asks for.
How long           Requests, and what opens their commitments, as long as the retention settings say; who asked, as long as they say;
                   receipts as long as accounting needs.
What is recorded   Each session, each statement or withdrawal of a basis, each key made or revoked and each removal, as salted
                   commitments in the node's own log. No text.

The basis is yours to state, as the controller (GDPR, Articles 6 and 7). Withdrawing it stops processing at once.
`.trim()
