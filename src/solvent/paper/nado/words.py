"""Nado's refusals: its codes and its words. Source: the venue's public list of errors, read on 2026-11-21."""

from typing import Any, Final

WORDS: Final[dict[int, str]] = {
    400: "Invalid request: {what}",
    1000: "Too Many Requests: You have exceeded the rate limit. Please reduce your request frequency and try "
    "again later.",
    2000: "Invalid order price: Order price, {price}, is not divisible by the price_increment_x18; "
    "price_increment_x18 for product {product_id}: {step}.",
    2001: "Invalid order amount: Order amount, {amount}, must be divisible by the size_increment; "
    "size_increment for product {product_id}: {step}.",
    2002: "Invalid order amount: The provided amount is zero. Please specify a valid order amount.",
    2004: "Invalid order expiration: The order has already expired. Please ensure the expiration date is in "
    "the future.",
    2005: "You have reached the maximum number of open orders allowed for this market.",
    2006: "Insufficient account health. The execution of this order would lower your account health below the"
    " required threshold. Please adjust your order size or manage your positions to maintain a healthy "
    "account balance.",
    2007: "Order price must be no less than 20% and no more than 500% of the determined oracle price.",
    2008: "The order cannot be placed as it is post-only and crosses the book. Please adjust your order "
    "parameters.",
    2011: "Execute request received after 'recv_time'. Ensure that your 'recv_time' allows adequate time for "
    "requests to be received.",
    2012: "Execute request received more than 100 seconds before the 'recv_time'. Ensure that the request is "
    "sent no more than 100 seconds prior to the 'recv_time'.",
    2013: "The provided digest already exists. Ensure that the provided digest is unique.",
    2014: "Operation failed. You're attempting to cancel an order for a different subaccount. Please verify "
    "the subaccount.",
    2015: "The market for the given product or ticker ID was not found. Please try again with a different "
    "product or ticker ID.",
    2016: "The provided 'product_id' is invalid. Please verify and input a valid 'product_id'.",
    2017: "Executing this action could result in exceeding your borrowing limit as your spot leverage is "
    "currently set to false. Please adjust your withdrawal amount or manage your borrowings to prevent "
    "potential risk.",
    2019: "Spot leverage cannot be applied to a non-spot product. Please ensure you're using the correct type"
    " of leverage for the product in question.",
    2020: "Order with the provided digest ({digest}) could not be found. Please verify the order digest and "
    "try again.",
    2022: "The provided nonce is invalid. Ensure the nonce is correct and try again.",
    2024: "The provided address has no previous deposits. Ensure you're using an address with prior deposits.",
    2025: "Your account must hold a minimum value of 5 USDT0 to enable single signature sessions. Please "
    "ensure your account balance meets this requirement.",
    2026: "You cannot link a signer to the same address more than once. Please provide a unique address for "
    "each signer.",
    2027: "The provided signature does not meet the required length specifications. Please verify and provide"
    " a valid signature.",
    2028: "The provided signature does not match with the sender's or the linked signer's. Please verify and "
    "provide the correct signature.",
    2030: "Linked Signer update limit exceeded. Please wait for {wait_time} seconds before trying again.",
    2031: "Your 'Fill or Kill' order could not be entirely filled. Slippage parameters may be too "
    "conservative or size too large.",
    2033: "No nonce provided in the request payload. Please ensure a valid nonce is included.",
    2034: "Invalid Signature: The 'v' value of the signature you provided is not valid. Please verify your "
    "signature and try again.",
    2035: "Signature error: {what}",
    2036: "Subaccount health insufficient. Please ensure sufficient health level in your subaccount to proceed.",
    2038: "The execute message provided is invalid. Please verify and provide a valid execute message.",
    2039: "'digests' and 'productIds' arrays should have the same length. Please ensure their lengths match.",
    2040: "The value you entered is not a valid boolean. Please try again with a value of true or false.",
    2042: "Failed to initiate liquidation: The account does not meet the requirements for liquidation.",
    2045: "Failed to initiate liquidation: Attempted to liquidate quote or provided invalid liquidation "
    "parameters.",
    2050: "Unauthorized action attempted. Please ensure you have the necessary permissions.",
    2052: "The maker order subaccount is invalid or has failed the risk check. Please verify the subaccount "
    "and ensure it meets the necessary risk parameters.",
    2053: "Order failed to match due to an internal error. Please try again.",
    2055: "Invalid price provided. The price must be greater than 0. Please input a valid price.",
    2056: "Your 'Immediate or Cancel' order does not cross the book. Please review the market conditions or "
    "adjust your order.",
    2057: "You have reached the maximum number of trigger orders allowed for this subaccount.",
    2058: "Trigger order with the provided digest ({digest}) could not be found. Please verify the order "
    "digest and try again.",
    2059: "Submitted order is not a trigger order.",
    2060: "The provided 'product_ids' is invalid. Please verify input contains only valid products and no "
    "duplicates.",
    2061: "Invalid product type {product_type}. 'product_type' must be 'spot' or 'perp'",
    2062: "The 'product_ids' provided is empty. Please ensure you include a non-empty list of valid "
    "product_ids in your request.",
    2064: "Reduce only order increases position.",
    2066: "Sender or signer of cancel and place are not the same.",
    2067: "Only taker orders can be set as reduce only.",
    2069: "Trading is blocked for this market.",
    2077: "Transfer quote amount is too small. You must transfer a minimum of 5 USDT0.",
    2078: "Transfer quote to new recipients limit exceeded. Please wait 24hrs before transferring quote to "
    "new recipients.",
    2079: "Self-transfer quote is not allowed.",
    2080: "Subscriptions require the header 'Sec-WebSocket-Extensions' with value 'permessage-deflate'.",
    2081: "An isolated subaccount cannot place an isolated order.",
    2082: "Invalid product_id for isolated subaccount.",
    2083: "Isolated orders cannot be placed on spots.",
    2084: "Isolated orders cannot be trigger orders.",
    2085: "Isolated orders cannot be reduce-only.",
    2087: "Failed to create isolated subaccount.",
    2088: "Orders from isolated subaccount must be reduce-only.",
    2089: "Cannot link signer to isolated subaccount.",
    2091: "Amount is too large.",
    2094: "Invalid order size: Order amount, {amount}, or price, {price}, is too small. abs(amount) * price "
    "must be >= min_size; min_size for product {product_id}: {least}.",
    2095: "Invalid Order Version: the order version in the appendix, {version}, does not match the expected "
    "version: {expected}",
    2097: "Invalid trigger order appendix.",
    2099: "TWAP order must be of type 'Immediate or Cancel'. Please ensure your TWAP order uses the correct "
    "order type.",
    2100: "Invalid TWAP times: {times}. TWAP times must be between 1 and 500.",
    2101: "Invalid TWAP amount distribution: amount {amount} is not evenly divisible by times {times}. For "
    "non-random TWAP orders, the total amount must be evenly divisible by the number of executions.",
    2103: "Invalid TWAP interval: interval {interval} seconds exceeds maximum allowed interval of 3600 "
    "seconds (1 hour).",
    2104: "Invalid TWAP total duration: total duration {duration} seconds exceeds maximum allowed duration of"
    " 86400 seconds (24 hours).",
    2106: "Invalid TWAP random configuration: amounts array presence {given} does not match is_twap_random "
    "flag {is_random}.",
    2108: "Invalid TWAP amounts sum: sum of amounts {sum} does not match order amount {amount}.",
    2110: "TWAP orders cannot be isolated. Please remove the isolated flag from your TWAP order.",
    2111: "Cannot place more than 50 orders.",
    2114: "All orders in a batch must have the same sender. Please ensure all orders are from the same account.",
    3000: "Unable to accept 'digests' in conjunction with 'subaccount' or 'product_ids'. Please make sure "
    "your request does not contain these fields simultaneously.",
    3001: "The number of specified 'digests' exceeds the specified limit. Please reduce the 'digests' to meet"
    " the defined limit.",
    3002: "A 'subaccount' is required but not specified. Please ensure you include a 'subaccount' in your "
    "request.",
    3003: "Invalid interval: Please try again with a different 'max_timestamp', 'granularity', or 'count'.",
    4001: "The feature you are trying to use is not yet implemented. Please check back later.",
    5000: "Internal error: {what}",
}


class Refused(Exception):
    """The venue says no. Carries its code and its words."""

    def __init__(self, code: int, **facts: Any) -> None:
        self.code = code
        self.text = WORDS[code].format(**facts)
        super().__init__(self.text)
