// What every part of the page uses. All text reaches the page as text nodes, never as HTML: names and metadata of files are anybody's.

export const $ = id => document.getElementById(id);

export async function request(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json", "X-Batchcolor": "review" }, body: JSON.stringify(body),
  };
  const response = await fetch(path, options);
  if (!response.ok) {
    let sentence = `The server answered with ${response.status}.`;
    try { sentence = (await response.json()).error || sentence; } catch { /* not JSON */ }
    throw Object.assign(new Error(sentence), { status: response.status });
  }
  return response;
}

export const json = async (path, body) => (await request(path, body)).json();

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function show(error) { $("message").textContent = error ? error.message || String(error) : ""; }

export const clock = seconds => {
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
};

// Puts a picture of the server's into an <img>, and resolves when it is there.
export async function showBlob(picture, response) {
  const address = URL.createObjectURL(await response.blob());
  try {
    picture.src = address;
    await picture.decode();
  } catch { /* replaced by a later one */ } finally { URL.revokeObjectURL(address); }
}
