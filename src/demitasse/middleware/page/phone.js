import { LiveConnection } from "/phone/live.js";

const LOW = 10;
const money = new Intl.NumberFormat("en-IN", { style: "currency", currency: "INR", minimumFractionDigits: 0 });
const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? recall("token");
if (token) keep("token", token);
const device = token ? token.split("_")[1] : "local";

const products = new Map();
const stock = new Map();
const pushed = new Set();
const cart = new Map(Object.entries(JSON.parse(recall("cart") ?? "{}")));
let group = "All";

// --- What the middleware says -----------------------------------------------------------------------------------

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, { ...options, headers, signal: AbortSignal.timeout(20_000) });
  const content = await response.json();
  if (!response.ok) throw Object.assign(new Error(content.error), { status: response.status });
  return content;
}

async function fetchProducts() {
  const { products: found, stale } = await ask("/api/products");
  products.clear();
  for (const product of found) products.set(product.item_code, product);
  for (const code of cart.keys()) if (!products.has(code)) cart.delete(code);
  tell(stale ? "The shop cannot be reached at the moment: prices may be from earlier." : "");
  showGroups();
  showProducts();
  showCart();
}

async function fetchStock() {
  pushed.clear();
  const { stock: found } = await ask("/api/stock");
  for (const code of stock.keys()) if (!pushed.has(code)) stock.delete(code);
  // What was pushed while the answer was on its way is newer than the answer.
  for (const bin of found) if (!pushed.has(bin.item_code)) stock.set(bin.item_code, bin);
  for (const code of products.keys()) showStock(code);
}

async function fetchAll() {
  try {
    await fetchProducts();
    await fetchStock();
  } catch (error) {
    tell(error.message || "The shop cannot be reached at the moment.");
    setTimeout(fetchAll, 3000);
  }
}

function hear(message) {
  if (message.type === "stock_update") {
    stock.set(message.item_code, message);
    pushed.add(message.item_code);
    showStock(message.item_code, { moved: true });
  } else if (message.type === "product_update") {
    fetchProducts().catch(() => {});
  } else if (message.type === "order_update" && message.key === pendingKey()) {
    settle(message);
  }
}

// --- The menu ---------------------------------------------------------------------------------------------------

function showGroups() {
  const names = ["All", ...new Set([...products.values()].map((product) => product.item_group))];
  if (!names.includes(group)) group = "All";
  $("groups").replaceChildren(...names.map((name) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.setAttribute("aria-pressed", String(name === group));
    button.onclick = () => {
      group = name;
      for (const other of $("groups").children) other.setAttribute("aria-pressed", String(other === button));
      showProducts();
    };
    return button;
  }));
}

function showProducts() {
  const shown = [...products.values()].filter((product) => group === "All" || product.item_group === group);
  $("products").replaceChildren(...shown.map(card));
  $("products").setAttribute("aria-busy", "false");
  $("empty").hidden = shown.length > 0;
  for (const product of shown) showStock(product.item_code);
}

function card(product) {
  const item = $("product").content.firstElementChild.cloneNode(true);
  item.dataset.code = product.item_code;
  if (product.image) item.querySelector("img").src = product.image;
  item.querySelector("h3").textContent = product.item_name;
  item.querySelector(".about").textContent = plain(product.description);
  item.querySelector(".price").textContent = money.format(product.standard_rate);
  showStepper(item, product);
  return item;
}

function showStepper(place, product) {
  const count = cart.get(product.item_code) ?? 0;
  const parts = [round("add", "M12 5v14M5 12h14", `Add ${product.item_name}`, () => change(product.item_code, 1))];
  if (count) {
    const output = document.createElement("output");
    output.textContent = count;
    output.setAttribute("aria-label", `${count} in your order`);
    parts.unshift(round("", "M5 12h14", `Remove one ${product.item_name}`, () => change(product.item_code, -1)), output);
  }
  const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  place.querySelector(".stepper").replaceChildren(...parts);
  if (focused) (place.querySelector(`[aria-label="${CSS.escape(focused)}"]`) ?? parts.at(-1)).focus();
  const left = available(product.item_code);
  parts.at(-1).disabled = left !== null && count >= left;
}

function showStock(code, { moved = false } = {}) {
  const item = document.querySelector(`.card[data-code="${CSS.escape(code)}"]`);
  if (!item) return;
  const left = available(code);
  const level = left === null ? "unknown" : left <= 0 ? "out" : left <= LOW ? "low" : "good";
  const text = { unknown: "Made to order", out: "Sold out", low: `Only ${left} left`, good: `${left} left` }[level];
  const line = item.querySelector(".stock");
  item.dataset.level = line.dataset.level = level;
  item.querySelector(".stock-text").textContent = text;
  if (moved) {
    line.classList.remove("moved");
    void line.offsetWidth; // Begins the animation anew.
    line.classList.add("moved");
    if (level !== "good") $("said").textContent = `${products.get(code).item_name}: ${text}`;
  }
  showStepper(item, products.get(code));
}

function available(code) {
  const bin = stock.get(code);
  return bin ? Math.max(0, Math.floor(bin.projected_qty)) : null;
}

// --- The cart ---------------------------------------------------------------------------------------------------

function change(code, by) {
  const count = (cart.get(code) ?? 0) + by;
  if (count > 0) cart.set(code, count);
  else cart.delete(code);
  keep("cart", JSON.stringify(Object.fromEntries(cart)));
  forgetOrder(); // What is ordered has changed: it is another order.
  const item = document.querySelector(`.card[data-code="${CSS.escape(code)}"]`);
  if (item) showStepper(item, products.get(code));
  showCart();
}

function showCart() {
  const lines = [...cart].map(([code, count]) => [products.get(code), count]).filter(([product]) => product);
  const count = lines.reduce((sum, [, each]) => sum + each, 0);
  const total = lines.reduce((sum, [product, each]) => sum + product.standard_rate * each, 0);
  $("bar").hidden = count === 0;
  $("bar-count").textContent = `View order · ${count} ${count === 1 ? "item" : "items"}`;
  $("bar-total").textContent = $("total").textContent = money.format(total);
  const focused = $("lines").contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  $("lines").replaceChildren(...lines.map(([product, each]) => line(product, each)));
  if (focused) ($("lines").querySelector(`[aria-label="${CSS.escape(focused)}"]`) ?? $("place")).focus();
  if (!count && $("cart").open) $("cart").close();
}

function line(product, count) {
  const item = document.createElement("li");
  const picture = document.createElement("img");
  picture.alt = "";
  if (product.image) picture.src = product.image;
  const what = document.createElement("div");
  what.className = "what";
  what.append(paragraph(product.item_name), paragraph(money.format(product.standard_rate * count)));
  const stepper = document.createElement("span");
  stepper.className = "stepper";
  item.append(picture, what, stepper);
  showStepper(item, product);
  return item;
}

// --- The order --------------------------------------------------------------------------------------------------

async function place(event) {
  event.preventDefault();
  const customer = $("customer").value.trim();
  if (!customer) {
    $("order-error").textContent = "Please say who orders.";
    $("customer").focus();
    return;
  }
  keep("customer", customer);
  const key = pendingKey() ?? randomKey();
  keep("order", key); // Kept before it is sent: after a crash the same order goes out under the same key.
  const order = {
    customer,
    items: [...cart].map(([sku, qty]) => ({ sku, qty })),
    outlet_id: asked.get("outlet") ?? recall("outlet") ?? "MUM-CARTER",
    client_order_id: key,
    queue: true,
  };
  busy(true);
  try {
    settle(await send(order));
  } catch (error) {
    if (error.status >= 400 && error.status < 500) forgetOrder();
    $("order-error").textContent = error.message || "That did not work. Please try again.";
  } finally {
    busy(false);
  }
}

async function send(order) {
  const options = {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": order.client_order_id },
    body: JSON.stringify(order),
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask("/api/orders", options);
    } catch (error) {
      const again = error.status === undefined || error.status === 409 || error.status >= 502;
      if (!again || attempt === 4) {
        throw error.status === undefined ? new Error("There is no connection. Please try again.") : error;
      }
      await new Promise((resolve) => setTimeout(resolve, 400 * 2 ** attempt * (0.5 + Math.random() / 2)));
    }
  }
}

function settle(answer) {
  if (answer.status === "queued") {
    thank("The shop cannot be reached at the moment. Your order is kept, and goes out as soon as it can.", "Waiting");
    return;
  }
  if (!answer.success) {
    forgetOrder();
    tell(`Your order was refused: ${answer.error}`);
    $("thanks").close();
    return;
  }
  forgetOrder();
  cart.clear();
  keep("cart", "{}");
  showCart();
  showProducts();
  thank(`${money.format(answer.total)}. The shop has your order.`, answer.order_id);
}

// An order that was on its way when the page was closed: it may be there by now.
async function resume() {
  const key = pendingKey();
  if (!key) return;
  try {
    const told = await ask(`/api/orders/${key}`);
    if (told.status !== "queued") settle(told);
  } catch {
    // It never got there, or is not to be asked for now: the cart is still full, and the key the same.
  }
}

function thank(text, number) {
  $("cart").close();
  $("thanks-text").textContent = text;
  $("thanks-number").textContent = number;
  if (!$("thanks").open) $("thanks").showModal();
}

function busy(is) {
  $("place").disabled = is;
  $("place-text").textContent = is ? "Placing your order…" : "Place order";
  if (is) $("order-error").textContent = "";
}

// --- Small things -----------------------------------------------------------------------------------------------

function round(kind, path, label, onclick) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = `round ${kind}`.trim();
  button.setAttribute("aria-label", label);
  button.onclick = onclick;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "path");
  drawn.setAttribute("d", path);
  svg.append(drawn);
  button.append(svg);
  return button;
}

function paragraph(text) {
  const found = document.createElement("p");
  found.textContent = text;
  return found;
}

function plain(markup) {
  return new DOMParser().parseFromString(markup ?? "", "text/html").body.textContent.trim();
}

function tell(text) {
  $("banner").textContent = text;
  $("banner").hidden = !text;
}

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pendingKey() {
  return recall("order");
}

function forgetOrder() {
  localStorage.removeItem("scoopjoy.order");
}

function keep(name, value) {
  localStorage.setItem(`scoopjoy.${name}`, value);
}

function recall(name) {
  return localStorage.getItem(`scoopjoy.${name}`);
}

// --- Begin ------------------------------------------------------------------------------------------------------

$("customer").value = asked.get("customer") ?? recall("customer") ?? "";
if (asked.get("outlet")) keep("outlet", asked.get("outlet"));
$("outlet-name").textContent = recall("outlet") ?? "Ice cream, ordered from your phone";
$("open-cart").onclick = () => $("cart").showModal();
$("close-cart").onclick = () => $("cart").close();
$("close-thanks").onclick = () => $("thanks").close();
$("order-form").onsubmit = place;
for (const sheet of document.querySelectorAll("dialog")) {
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
}

const words = { connecting: "Connecting", live: "Live", offline: "Offline" };
new LiveConnection({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`,
  topics: ["stock", "products", `orders:${device}`],
  token,
  onMessage: hear,
  onRefetch: fetchAll,
  onState(state) {
    $("connection").dataset.state = state;
    $("connection-text").textContent = words[state];
  },
}).connect();
fetchAll().then(resume);
