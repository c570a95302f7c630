// Batches of queues and e-mails. Each crosses as one text.

/** The batch as JSON. A message whose body JSON cannot hold has no body. */
export function queueBatch(batch) {
  const messages = batch.messages.map(({ id, attempts, timestamp, body }) => {
    const message = { id, attempts, timestampMs: timestamp.getTime() };
    try {
      if (!(body instanceof ArrayBuffer || ArrayBuffer.isView(body))) message.body = JSON.stringify(body ?? null);
    } catch {
      // Big integers and circular values.
    }
    return message;
  });
  return JSON.stringify({ queue: batch.queue, messages });
}

/** Decides on each message: -2 acknowledges it, -1 retries it, and others are the delay in seconds. */
export function settleQueue(batch, decisions) {
  batch.messages.forEach((message, at) => {
    const decision = decisions[at];
    if (decision === -2) message.ack();
    else message.retry(decision === -1 ? undefined : { delaySeconds: decision });
  });
}

/** Sender, recipient, size and headers, one per line. */
export function emailHead(email) {
  const lines = [email.from, email.to, email.rawSize];
  for (const header of email.headers) lines.push(...header);
  return lines.map((line) => String(line).replace(/[\r\n]+/g, " ")).join("\n");
}

export function emailBody(email) {
  return new Response(email.raw);
}

export async function emailReject(email, reason) {
  // A promise where the e-mail came over RPC.
  await email.setReject(reason);
}

export async function emailForward(email, to) {
  await email.forward(to);
}
