// Requests of the modern era without a client library.
import assert from 'node:assert/strict';

const VERSION = '2026-07-28';

export class Modern {
  constructor(url, capabilities = {}) {
    this.url = url;
    this.meta = {
      'io.modelcontextprotocol/protocolVersion': VERSION,
      'io.modelcontextprotocol/clientCapabilities': capabilities,
    };
    this.next = 1;
  }

  #post(id, method, name, params, signal) {
    const headers = {
      'Content-Type': 'application/json', Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': VERSION, 'Mcp-Method': method, ...(name ? { 'Mcp-Name': name } : {}),
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: this.meta } });
    return fetch(this.url, { method: 'POST', headers, body, signal });
  }

  // A request with the _meta that it has, as the ext-tasks helper wants them sent.
  async dispatch({ method, params }) {
    const { _meta: meta, ...rest } = params;
    const sender = new Modern(this.url, meta['io.modelcontextprotocol/clientCapabilities']);
    const response = await sender.#post(this.next++, method, rest.name ?? rest.uri ?? rest.taskId, rest);
    const { result, error } = await response.json();
    return error ? { kind: 'error', error } : { kind: 'result', result };
  }

  // The result of a request that is answered with JSON.
  async ask(method, name, params) {
    const response = await this.#post(this.next++, method, name, params);
    const { result, error } = await response.json();
    assert.equal(response.status, 200, JSON.stringify(error));
    return result;
  }

  // subscriptions/listen; next() is the next message.
  async listen(notifications) {
    const id = this.next++, given = new AbortController();
    const response = await this.#post(id, 'subscriptions/listen', undefined, { notifications }, given.signal);
    assert.equal(response.status, 200);
    const messages = (async function* read() {
      let text = '';
      for await (const some of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (text + some).split('\n');
        text = lines.pop();
        for (const line of lines) if (line.startsWith('data: ')) yield JSON.parse(line.slice(6));
      }
    })();
    return {
      id,
      async next() {
        const { value, done } = await messages.next();
        assert.ok(!done, 'the stream ended');
        return value;
      },
      close: () => given.abort(),
    };
  }
}
