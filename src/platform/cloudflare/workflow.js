// Instances of a workflow, for which the crate `worker` has no binding.

const isMissing = (error) => /not.?found/i.test(String(error?.message));

/** The id of the instance; also where one of that id is there already. */
export async function workflowCreate(workflow, id, params) {
  try {
    const instance = await workflow.create({ ...(id !== undefined && { id }), params: JSON.parse(params) });
    return instance.id;
  } catch (error) {
    if (id === undefined) throw error;
    // A caller with an id wants one instance of it: look for an existing one.
    try {
      return (await workflow.get(id)).id;
    } catch {
      throw error;
    }
  }
}

/** The status as JSON, or `undefined` where there is no such instance. */
export async function workflowStatus(workflow, id) {
  try {
    return JSON.stringify(await (await workflow.get(id)).status());
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether there is such an instance. */
export async function workflowAct(workflow, id, action) {
  try {
    await (await workflow.get(id))[action]();
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
